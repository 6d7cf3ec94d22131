import { Button, Group, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { forgetMachine, machineKeysQuery, revokeMachineKey } from "@/api/joining";
import { keys } from "@/api/keys";
import type { Agent } from "@/api/wire";
import { t } from "@/strings";
import { Ask, type Question } from "@/ui/Ask";

export function Remove({ machine, onDone }: { machine: Agent; onDone: () => void }) {
  const queries = useQueryClient();
  const [question, ask] = useState<Question | null>(null);
  /** Keys first: a machine that beats meanwhile would be back at once. */
  const run = async () => {
    const known = await queries.fetchQuery(machineKeysQuery);
    const its = known.filter((key) => key.agent_id === machine.agent_id);
    for (const key of its) await revokeMachineKey(key.id);
    await forgetMachine(machine.agent_id);
    onDone();
    await queries.invalidateQueries({ queryKey: keys.machines });
    await queries.invalidateQueries({ queryKey: keys.machineKeys });
  };
  return (
    <Group justify="space-between">
      <Text size="xs" c="dimmed" flex={1}>
        {machine.local && t.machines.local}
      </Text>
      <Button
        size="xs"
        color="red"
        variant="light"
        onClick={() =>
          ask({
            title: t.machines.removeTitle(machine.hostname),
            text: t.machines.removeText,
            verb: t.machines.remove,
            loses: true,
            typed: machine.hostname,
            run,
          })
        }
      >
        {t.machines.remove}
      </Button>
      <Ask question={question} onClose={() => ask(null)} />
    </Group>
  );
}
