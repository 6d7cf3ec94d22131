import { Box, Group, Paper, Stack, Text } from "@mantine/core";
import { IconTerminal2 } from "@tabler/icons-react";
import { useTerminals } from "@/api/terminals";
import type { ListedVm, Terminal } from "@/api/wire";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Failure } from "@/ui/Failure";
import { LinkButton } from "@/ui/LinkButton";
import { PageAnchor } from "@/ui/PageAnchor";
import { Section } from "@/ui/Section";
import { State } from "@/ui/State";
import { terminalOf, terminalsPage } from "@/vm/VmLink";
import classes from "./VmPage.module.css";

export function Terminals({ vm }: { vm: ListedVm }) {
  const terminals = useTerminals();
  const runs = vm.state === "Running";
  const here = (terminals.data?.terminals ?? []).filter(
    (each) => each.vm_name === vm.name && each.agent_id === vm.agent_id,
  );
  return (
    <Section
      title={t.vm.terminals}
      action={
        runs && (
          <LinkButton
            {...terminalsPage(vm)}
            size="xs"
            variant="default"
            leftSection={<IconTerminal2 size={15} stroke={1.6} />}
          >
            {t.vm.openTerminal}
          </LinkButton>
        )
      }
    >
      <Paper>
        {terminals.error && (
          <Failure error={terminals.error} onRetry={() => void terminals.refetch()} />
        )}
        {here.length === 0 && !terminals.error && (
          <Text size="sm" c="dimmed" p="md">
            {runs ? t.vm.noTerminals : t.vm.onlyRunning}
          </Text>
        )}
        {here.map((terminal) => (
          <One key={terminal.id} terminal={terminal} />
        ))}
      </Paper>
    </Section>
  );
}

function One({ terminal }: { terminal: Terminal }) {
  const alive = terminal.state === "running";
  return (
    <Box className={classes.line}>
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Stack gap={0} miw={0}>
          <Text size="sm" truncate>
            {terminal.command?.join(" ") ?? t.vm.shell}
          </Text>
          <Group gap={6}>
            <Text size="xs" c="dimmed">
              {t.vm.by(terminal.created_by)} · {t.vm.viewers(terminal.viewers.length)} ·
            </Text>
            <Age at={terminal.created_at} size="xs" />
          </Group>
        </Stack>
        <Group gap="md" wrap="nowrap">
          <State
            tone={alive ? "good" : "idle"}
            label={alive ? t.vm.alive : t.vm.exited(terminal.exit_code)}
          />
          {alive && (
            <PageAnchor {...terminalOf(terminal)} size="sm">
              {t.vm.attach}
            </PageAnchor>
          )}
        </Group>
      </Group>
    </Box>
  );
}
