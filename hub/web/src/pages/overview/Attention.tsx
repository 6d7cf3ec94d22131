/** Each trouble with the next step. */
import { Anchor, Box, Group, Paper, Stack, Text, ThemeIcon } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconHelpCircle,
  IconPlugConnectedX,
  IconServerOff,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { hubNow } from "@/api/clock";
import type { Agent, ListedVm, Operation } from "@/api/wire";
import { ago, time } from "@/format";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { useNow } from "@/ui/useNow";
import { vmPage } from "@/vm/VmLink";
import { type Concern, concerns } from "./concerns";
import classes from "./Overview.module.css";
import { Section } from "@/ui/Section";

const MOST = 6;

export function Attention(props: {
  machines: readonly Agent[];
  vms: readonly ListedVm[];
  operations: readonly Operation[];
}) {
  useNow();
  const found = concerns(props.machines, props.vms, props.operations, hubNow());
  return (
    <Section title={t.overview.attention}>
      <Paper>
        {found.length === 0 ? (
          <Group p="md" gap="sm" wrap="nowrap">
            <ThemeIcon variant="light" color="green" radius="xl">
              <IconCircleCheck size={18} />
            </ThemeIcon>
            <Text size="sm">
              <Text span fw={500}>
                {t.overview.calmTitle}.
              </Text>{" "}
              <Text span c="dimmed">
                {t.overview.calm}
              </Text>
            </Text>
          </Group>
        ) : (
          found.slice(0, MOST).map((concern) => <One key={keyOf(concern)} concern={concern} />)
        )}
        {found.length > MOST && (
          <Text size="sm" c="dimmed" px="md" py="sm">
            {t.overview.more(found.length - MOST)}
          </Text>
        )}
      </Paper>
    </Section>
  );
}

function keyOf(concern: Concern): string {
  switch (concern.kind) {
    case "offline":
    case "driver":
      return `${concern.kind} ${concern.machine.agent_id}`;
    case "failed":
      return concern.operation.id;
    case "unknown":
      return concern.kind;
  }
}

function One({ concern }: { concern: Concern }) {
  switch (concern.kind) {
    case "offline": {
      const { machine } = concern;
      const seen = ago((hubNow() - time(machine.last_seen)) / 1000);
      return (
        <Line
          icon={<IconServerOff size={18} />}
          color="red"
          title={t.overview.offline(machine.hostname)}
        >
          {t.overview.offlineNext(seen)}
        </Line>
      );
    }
    case "driver":
      return (
        <Line
          icon={<IconPlugConnectedX size={18} />}
          color="orange"
          title={t.overview.driver(concern.machine.hostname)}
        >
          {concern.problem}
        </Line>
      );
    case "failed":
      return <Failed operation={concern.operation} />;
    case "unknown":
      return (
        <Line
          icon={<IconHelpCircle size={18} />}
          color="orange"
          title={t.overview.unknown(concern.vms.length)}
          action={
            <Anchor component={Link} to="/vms?state=%5B%22Unknown%22%5D" size="sm">
              {t.overview.look}
            </Anchor>
          }
        >
          {t.overview.unknownNext}
        </Line>
      );
  }
}

function Failed({ operation }: { operation: Operation }) {
  return (
    <Line
      icon={<IconAlertTriangle size={18} />}
      color="red"
      title={t.overview.failed(t.kinds[operation.kind], operation.vm_name)}
      age={operation.ended_at}
      action={
        <Link {...vmPage({ name: operation.vm_name, agent_id: operation.agent_id })}>
          <Text size="sm" c="var(--mantine-color-anchor)">
            {t.overview.look}
          </Text>
        </Link>
      }
    >
      {operation.error?.detail}
    </Line>
  );
}

function Line(props: {
  icon: ReactNode;
  color: string;
  title: string;
  age?: string | null;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Box className={classes.concern}>
      <ThemeIcon variant="light" color={props.color} radius="xl">
        {props.icon}
      </ThemeIcon>
      <Stack gap={2} flex={1} miw={0}>
        <Group gap="xs" justify="space-between" wrap="nowrap">
          <Text size="sm" fw={500} style={{ overflowWrap: "anywhere" }}>
            {props.title}
          </Text>
          <Group gap="sm" wrap="nowrap">
            {props.age && <Age at={props.age} size="xs" />}
            {props.action}
          </Group>
        </Group>
        <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {props.children}
        </Text>
      </Stack>
    </Box>
  );
}
