/** A machine's load: now as a number, and as a line since the page was opened. */
import { Sparkline } from "@mantine/charts";
import { Box, Group, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { t } from "@/strings";

/** Samples kept: ten minutes of one every ten seconds. */
const MOST = 60;
const EVERY_MS = 10_000;

/** Survives a change of page, so that coming back shows the line that was there. */
const trends = new Map<string, { at: number; values: readonly number[] }>();

export function LoadTrend({ id, load, cpus }: { id: string; load: number; cpus: number }) {
  const values = useTrend(id, load);
  return (
    <Stack gap={4}>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="xs" c="dimmed">
          {t.overview.load}
        </Text>
        <Text size="xs" c="dimmed">
          {t.overview.loadOf(load.toFixed(2), cpus)}
        </Text>
      </Group>
      <Box aria-hidden inert h={28}>
        <Sparkline
          h={28}
          data={values.length > 1 ? [...values] : [load, load]}
          curveType="monotone"
          color={load > cpus ? "orange" : "brand"}
          fillOpacity={0.15}
          strokeWidth={1.5}
        />
      </Box>
    </Stack>
  );
}

function useTrend(id: string, load: number): readonly number[] {
  const [values, setValues] = useState<readonly number[]>(() => trends.get(id)?.values ?? []);
  useEffect(() => {
    const sample = () => {
      const known = trends.get(id) ?? { at: 0, values: [] };
      if (Date.now() - known.at < EVERY_MS / 2) return;
      const next = { at: Date.now(), values: [...known.values, load].slice(-MOST) };
      trends.set(id, next);
      setValues(next.values);
    };
    sample();
    const timer = setInterval(sample, EVERY_MS);
    return () => clearInterval(timer);
  }, [id, load]);
  return values;
}
