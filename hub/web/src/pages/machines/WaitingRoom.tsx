/** Machines that have joined and wait to be approved. */
import { Box, Button, Group, Paper } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { approveMachine, forgetMachine } from "@/api/joining";
import { keys } from "@/api/keys";
import type { Agent } from "@/api/wire";
import { t } from "@/strings";
import { Ask, type Question } from "@/ui/Ask";
import { Lines } from "@/ui/DataTable";
import { tellFailure } from "@/ui/Failure";
import { Section } from "@/ui/Section";
import classes from "./Machines.module.css";

export function WaitingRoom({ machines }: { machines: readonly Agent[] }) {
  const queries = useQueryClient();
  const [question, ask] = useState<Question | null>(null);
  const refuse = (machine: Agent) =>
    ask({
      title: t.machines.refuseTitle(machine.hostname),
      text: t.machines.refuseText,
      verb: t.machines.refuse,
      loses: true,
      run: async () => {
        await forgetMachine(machine.agent_id);
        await queries.invalidateQueries({ queryKey: keys.machines });
      },
    });
  return (
    <>
      {machines.length > 0 && (
        <Section title={t.machines.roomTitle} lead={t.machines.room}>
          <Paper>
            {machines.map((machine) => (
              <Box key={machine.agent_id} className={classes.waiting}>
                <Lines
                  first={machine.hostname}
                  second={`${machine.agent_id} · ${machine.api_url}`}
                />
                <Group gap="xs" ml="auto">
                  <Button size="xs" variant="default" onClick={() => refuse(machine)}>
                    {t.machines.refuse}
                  </Button>
                  <Approve machine={machine} />
                </Group>
              </Box>
            ))}
          </Paper>
        </Section>
      )}
      <Ask question={question} onClose={() => ask(null)} />
    </>
  );
}

export function Approve({ machine }: { machine: Agent }) {
  const queries = useQueryClient();
  const approving = useMutation({
    mutationFn: () => approveMachine(machine.agent_id),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.machines }),
    onError: (error) => tellFailure(error),
  });
  return (
    <Button size="xs" loading={approving.isPending} onClick={() => approving.mutate()}>
      {t.machines.approve}
    </Button>
  );
}
