/** How long ago something was, kept true while it is shown. */
import { Text } from "@mantine/core";
import { hubNow } from "@/api/clock";
import { ago, moment, time } from "@/format";
import { useNow } from "./useNow";

export function Age({ at, size = "sm" }: { at: string | number; size?: "xs" | "sm" }) {
  const since = typeof at === "number" ? at : time(at);
  useNow();
  return (
    <Text
      component="time"
      size={size}
      c="dimmed"
      title={moment(since)}
      style={{ whiteSpace: "nowrap" }}
    >
      {ago((hubNow() - since) / 1000)}
    </Text>
  );
}
