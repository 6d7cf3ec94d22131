/** Whether what is shown is true now: live, reconnecting, or stale since when. */
import { Tooltip } from "@mantine/core";
import { useConnection } from "@/api/live/Live";
import { clock } from "@/format";
import type { Tone } from "@/model/vmState";
import { t } from "@/strings";
import { State } from "@/ui/State";
import { useNow } from "@/ui/useNow";

/** A gap shorter than this is not worth alarming anybody. */
const STALE_MS = 10_000;

export function LiveBadge() {
  const connection = useConnection();
  const now = useNow();
  const { tone, label, hint } = shownOf(connection, Math.max(now, connection.since));
  return (
    <Tooltip label={hint} multiline maw={260}>
      <span role="status" aria-live="polite" data-testid="live-badge">
        <State tone={tone} label={label} passing={tone === "busy"} />
      </span>
    </Tooltip>
  );
}

export function shownOf(
  { phase, lostAt }: { phase: string; lostAt: number | null },
  now: number,
): { tone: Tone; label: string; hint: string } {
  if (phase === "live") return { tone: "good", label: t.live.live, hint: t.live.liveHint };
  if (lostAt === null)
    return { tone: "busy", label: t.live.connecting, hint: t.live.reconnectingHint };
  if (now - lostAt < STALE_MS) {
    return { tone: "busy", label: t.live.reconnecting, hint: t.live.reconnectingHint };
  }
  return { tone: "bad", label: t.live.stale(clock(lostAt)), hint: t.live.staleHint };
}
