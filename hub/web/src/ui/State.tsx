/** A state as a coloured dot with its name: never the colour alone. */
import { Box, Group, Text } from "@mantine/core";
import type { OperationState, VmState } from "@/api/wire";
import { meaningOf, type Tone } from "@/model/vmState";
import classes from "./State.module.css";

export function State(props: { tone: Tone; label: string; passing?: boolean; title?: string }) {
  return (
    <Group gap={8} wrap="nowrap" component="span" display="inline-flex" title={props.title}>
      <Box
        component="span"
        aria-hidden
        className={classes.dot}
        data-tone={props.tone}
        data-passing={props.passing || undefined}
      />
      <Text component="span" size="sm" className={classes.label}>
        {props.label}
      </Text>
    </Group>
  );
}

export function VmStateMark({ state }: { state: VmState }) {
  const { tone, passing } = meaningOf(state);
  return <State tone={tone} label={state} passing={passing} />;
}

const OPERATIONS: Record<OperationState, { tone: Tone; label: string }> = {
  queued: { tone: "idle", label: "Queued" },
  running: { tone: "busy", label: "Running" },
  succeeded: { tone: "good", label: "Done" },
  failed: { tone: "bad", label: "Failed" },
  cancelled: { tone: "idle", label: "Cancelled" },
};

export function OperationStateMark({ state }: { state: OperationState }) {
  return <State {...OPERATIONS[state]} passing={state === "running"} />;
}
