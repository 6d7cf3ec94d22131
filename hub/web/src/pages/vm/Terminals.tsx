import { Anchor, Box, Button, Group, Paper, Stack, Text } from "@mantine/core";
import { IconTerminal2 } from "@tabler/icons-react";
import { useTerminals } from "@/api/terminals";
import type { ListedVm, Terminal } from "@/api/wire";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Failure } from "@/ui/Failure";
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
        <Button
          component="a"
          href={terminalsPage(vm)}
          size="xs"
          variant="default"
          data-disabled={!runs || undefined}
          leftSection={<IconTerminal2 size={15} stroke={1.6} />}
        >
          {t.vm.openTerminal}
        </Button>
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
            <Anchor size="sm" href={terminalOf(terminal)}>
              {t.vm.attach}
            </Anchor>
          )}
        </Group>
      </Group>
    </Box>
  );
}
