/** How much of something is used, as a bar and in words. */
import { Group, Progress, Stack, Text } from "@mantine/core";
import { percent } from "@/format";

const TIGHT = 75;
const FULL = 90;

export function Meter(props: { label: string; used: number; total: number; text: string }) {
  const share = percent(props.used, props.total);
  const color = share >= FULL ? "red" : share >= TIGHT ? "orange" : "brand";
  return (
    <Stack gap={4}>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="xs" c="dimmed">
          {props.label}
        </Text>
        <Text size="xs" c="dimmed">
          {props.text}
        </Text>
      </Group>
      <Progress value={share} size="sm" color={color} aria-label={`${props.label}: ${share} %`} />
    </Stack>
  );
}
