import { Box, Paper, Skeleton, Stack, Text } from "@mantine/core";
import { IconActivity, IconBolt } from "@tabler/icons-react";
import { useRecentEvents } from "@/api/recentEvents";
import type { Operation } from "@/api/wire";
import { type Told, toldOf } from "@/model/told";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Failure } from "@/ui/Failure";
import { Nothing } from "@/ui/Nothing";
import { OperationStateMark } from "@/ui/State";
import { VmLink } from "@/vm/VmLink";
import classes from "./Overview.module.css";
import { Section } from "@/ui/Section";

const SHOWN = 8;

export function RecentOperations({ operations }: { operations: readonly Operation[] }) {
  return (
    <Section title={t.overview.operations}>
      <Paper>
        {operations.length === 0 && (
          <Nothing icon={IconBolt} title={t.overview.operations}>
            {t.overview.noOperations}
          </Nothing>
        )}
        {operations.slice(0, SHOWN).map((operation) => (
          <Box key={operation.id} className={classes.line}>
            <Stack gap={0} miw={0}>
              <Text size="sm" component="div" truncate>
                {t.kinds[operation.kind]}{" "}
                <VmLink vm={{ name: operation.vm_name, agent_id: operation.agent_id }} />
              </Text>
              <Text size="xs" c="dimmed" truncate>
                {t.overview.on(operation.agent_hostname)}
                {operation.requested_by && ` · ${t.overview.by(operation.requested_by)}`}
              </Text>
            </Stack>
            <OperationStateMark state={operation.state} />
            <Age at={operation.ended_at ?? operation.created_at} size="xs" />
          </Box>
        ))}
      </Paper>
    </Section>
  );
}

export function RecentEvents() {
  const events = useRecentEvents();
  // The list beside tells of operations.
  const others = events.data?.filter((event) => event.kind !== "operation") ?? [];
  const shown = others.slice(0, SHOWN).map(toldOf);
  return (
    <Section title={t.overview.events}>
      <Paper>
        {events.isPending && (
          <Stack gap={8} p="md">
            {Array.from({ length: 4 }, (_, line) => (
              <Skeleton key={line} h={20} />
            ))}
          </Stack>
        )}
        {events.error && <Failure error={events.error} onRetry={() => void events.refetch()} />}
        {events.data && shown.length === 0 && (
          <Nothing icon={IconActivity} title={t.overview.events}>
            {t.overview.noEvents}
          </Nothing>
        )}
        {shown.map((told) => (
          <OneEvent key={told.event.id} told={told} />
        ))}
      </Paper>
    </Section>
  );
}

function OneEvent({ told }: { told: Told }) {
  return (
    <Box className={classes.line}>
      <Stack gap={0} miw={0}>
        <Text size="sm" truncate>
          <Text span fw={500} inherit>
            {told.what}
          </Text>{" "}
          {told.change}
        </Text>
        {told.where && (
          <Text size="xs" c="dimmed" truncate>
            {t.overview.on(told.where)}
          </Text>
        )}
      </Stack>
      <span />
      <Age at={told.event.at} size="xs" />
    </Box>
  );
}
