/** Says when a terminal cannot be typed into, why, and what to do. Silent while all is well. */
import { Button, Group, Loader, Text } from "@mantine/core";
import { IconInfoCircle, IconPlugConnectedX, IconTerminal2 } from "@tabler/icons-react";
import { type ReactNode, useEffect, useState } from "react";
import type { Attachment, Ending } from "@/api/terminal/attachment";
import type { Condition } from "@/api/terminal/session";
import { t } from "@/strings";
import classes from "./Terminal.module.css";

/** A first attachment that takes no longer says nothing: a banner would only flash. */
const PATIENCE_MS = 500;

export function ConditionBanner(props: {
  condition: Condition;
  onAgain: () => void;
  afterwards?: ReactNode;
}) {
  const { attachment, notice } = props.condition;
  if (attachment.ending !== null) {
    const { ending } = attachment;
    return (
      <Banner tone={isCalm(ending) ? "calm" : "bad"} icon={<IconTerminal2 size={16} />}>
        <Text size="xs">{sentenceOf(ending)}</Text>
        {ending.kind === "idle" && <Again onClick={props.onAgain}>{t.terminal.goOn}</Again>}
        {props.afterwards}
      </Banner>
    );
  }
  if (attachment.phase !== "attached") return <Absent {...props} />;
  if (notice === null) return null;
  return (
    <Banner tone="calm" icon={<IconInfoCircle size={16} />}>
      <Text size="xs">{notice}</Text>
    </Banner>
  );
}

function Absent(props: { condition: Condition; onAgain: () => void }) {
  const { attachment, mode } = props.condition;
  const isPatient = usePatience();
  if (isPatient && attachment.attempts === 0) return null;
  const isWaiting = attachment.phase === "waiting";
  return (
    <Banner
      tone="warn"
      icon={
        isWaiting ? <IconPlugConnectedX size={16} /> : <Loader size={14} color="currentColor" />
      }
    >
      <Text size="xs">
        {mode === null
          ? t.terminal.attaching
          : `${t.terminal.reconnecting} ${t.terminal.shellGoesOn}`}{" "}
        {attachment.trouble}
      </Text>
      {isWaiting && (
        <Text size="xs" c="dimmed" className={classes.countdown}>
          <Countdown attachment={attachment} />
        </Text>
      )}
      {isWaiting && <Again onClick={props.onAgain}>{t.terminal.now}</Again>}
    </Banner>
  );
}

function Banner(props: { tone: "calm" | "warn" | "bad"; icon: ReactNode; children: ReactNode }) {
  return (
    <Group className={classes.banner} data-tone={props.tone} gap="xs" role="status">
      {props.icon}
      {props.children}
    </Group>
  );
}

function Again({ onClick, children }: { onClick: () => void; children: string }) {
  return (
    <Button size="compact-xs" variant="default" onClick={onClick}>
      {children}
    </Button>
  );
}

function Countdown({ attachment }: { attachment: Attachment }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return t.terminal.retryIn(Math.max(0, Math.ceil((attachment.retryAt - now) / 1000)));
}

function usePatience(): boolean {
  const [patient, setPatient] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setPatient(false), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return patient;
}

function isCalm(ending: Ending): boolean {
  return ending.kind === "idle" || (ending.kind === "exited" && ending.exitCode === 0);
}

function sentenceOf(ending: Ending): string {
  switch (ending.kind) {
    case "exited":
      return t.terminal.exited(ending.exitCode);
    case "terminated":
      return t.terminal.terminated;
    case "removed":
      return t.terminal.removed;
    case "idle":
      return t.terminal.idle;
    case "refused":
      return ending.detail;
  }
}
