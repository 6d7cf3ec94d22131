/** How the VMs come up, one by one. */
import { Button, Group, Paper, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useOperation } from "@/api/operations";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { OperationStateMark } from "@/ui/State";
import { OperationProgress } from "@/vm/OperationProgress";
import { vmPage } from "@/vm/VmLink";
import type { Refusal } from "./CreatePage";
import classes from "./Create.module.css";

export function CreateProgress(props: {
  ids: readonly string[];
  refused: readonly Refusal[];
  onAgain: () => void;
  onAnother: () => void;
}) {
  return (
    <Stack gap="md" className={classes.form}>
      {props.refused.map(({ name, error }) => (
        <Failure key={name} title={`${name}: ${t.create.refused}`} error={error} />
      ))}
      {props.ids.map((id) => (
        <One key={id} id={id} onAgain={props.onAgain} />
      ))}
      <Group>
        <Button variant="default" onClick={props.onAnother}>
          {t.create.another}
        </Button>
        <Button component={Link} to="/vms" variant="subtle">
          {t.create.allVms}
        </Button>
      </Group>
    </Stack>
  );
}

function One({ id, onAgain }: { id: string; onAgain: () => void }) {
  const operation = useOperation(id).data;
  return (
    <Paper p="md">
      <Stack gap="sm">
        {operation && (
          <Group justify="space-between" wrap="nowrap">
            <Stack gap={0} miw={0}>
              <Text fw={500} truncate>
                {operation.vm_name}
              </Text>
              <Text size="xs" c="dimmed">
                {t.overview.on(operation.agent_hostname)}
              </Text>
            </Stack>
            <Group gap="md" wrap="nowrap">
              <OperationStateMark state={operation.state} />
              {operation.state === "succeeded" && (
                <Link {...vmPage({ name: operation.vm_name, agent_id: operation.agent_id })}>
                  <Text size="sm" fw={500} c="var(--mantine-color-anchor)">
                    {t.create.open}
                  </Text>
                </Link>
              )}
            </Group>
          </Group>
        )}
        <OperationProgress id={id} advice={(code) => t.create.why[code] ?? ""} />
        {operation?.state === "failed" && (
          <Group>
            <Button size="xs" variant="default" onClick={onAgain}>
              {t.create.changeAndRetry}
            </Button>
          </Group>
        )}
      </Stack>
    </Paper>
  );
}
