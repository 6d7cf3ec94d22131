/** A state as a coloured dot with its name: never the colour alone. */
import type { OperationState, VmState } from "@/api/wire";
import { meaningOf, type Tone } from "@/model/vmState";
import classes from "./State.module.css";

export function State(props: { tone: Tone; label: string; passing?: boolean; title?: string }) {
  return (
    <span className={classes.state} title={props.title}>
      <span
        aria-hidden
        className={classes.dot}
        data-tone={props.tone}
        data-passing={props.passing || undefined}
      />
      {props.label}
    </span>
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
