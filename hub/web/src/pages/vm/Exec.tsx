/** A command in the VM, for when a terminal is too much. */
import { Badge, Button, Group, Paper, Stack, Text, TextInput } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { execLine } from "@/api/exec";
import type { ExecResult, ListedVm } from "@/api/wire";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Output } from "@/ui/Output";
import { Section } from "@/ui/Section";

export function Exec({ vm }: { vm: ListedVm }) {
  const [line, setLine] = useState("");
  const running = useMutation({ mutationFn: (command: string) => execLine(vm, command) });
  const runs = vm.state === "Running";
  return (
    <Section title={t.vm.exec}>
      <Paper p="md">
        <Stack gap="sm">
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (line.trim()) running.mutate(line);
            }}
          >
            <Group gap="xs" align="flex-end" wrap="nowrap">
              <TextInput
                flex={1}
                aria-label={t.vm.execLabel}
                placeholder={t.vm.execPlaceholder}
                value={line}
                onChange={(event) => setLine(event.currentTarget.value)}
                disabled={!runs}
                maxLength={4096}
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
              />
              <Button
                type="submit"
                variant="default"
                disabled={!runs || !line.trim()}
                loading={running.isPending}
                leftSection={<IconPlayerPlay size={15} stroke={1.6} />}
              >
                {t.vm.run}
              </Button>
            </Group>
          </form>
          <Text size="xs" c="dimmed">
            {runs ? t.vm.execHint : t.vm.onlyRunning}
          </Text>
          {running.error && <Failure error={running.error} />}
          {running.data && <Result result={running.data} />}
        </Stack>
      </Paper>
    </Section>
  );
}

function Result({ result }: { result: ExecResult }) {
  const good = result.exit_code === 0;
  return (
    <Stack gap="xs" role="status">
      <Group gap="xs">
        <Badge color={good ? "green" : "red"}>{t.vm.exit(result.exit_code)}</Badge>
        {result.timed_out && <Badge color="orange">{t.vm.timedOut}</Badge>}
      </Group>
      {result.stdout && <Output text={result.stdout} label="stdout" />}
      {result.stderr && <Output text={result.stderr} label="stderr" />}
      {!result.stdout && !result.stderr && (
        <Text size="sm" c="dimmed">
          {t.vm.noOutput}
        </Text>
      )}
      {result.truncated && (
        <Text size="xs" c="dimmed">
          {t.vm.truncated}
        </Text>
      )}
    </Stack>
  );
}
