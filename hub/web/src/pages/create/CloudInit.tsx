import { Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconFileCode } from "@tabler/icons-react";
import { lazy, type ReactNode, Suspense, useMemo } from "react";
import { t } from "@/strings";
import { HEADER, problemsOf } from "./cloudInit";

const Editor = lazy(async () => ({ default: (await import("./CloudInitEditor")).CloudInitEditor }));
const START = `${HEADER}\npackages:\n  - git\n`;
const MOST_TOLD = 4;

export function CloudInit(props: {
  value: string;
  error: ReactNode;
  onChange: (text: string) => void;
}) {
  const { value, onChange } = props;
  const problems = useMemo(() => problemsOf(value), [value]);
  return (
    <Stack gap="sm">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <Stack gap={0}>
          <Text size="sm" fw={500}>
            {t.create.cloudInit}
          </Text>
          <Text size="xs" c="dimmed">
            {t.create.cloudInitHint}
          </Text>
        </Stack>
        {value === "" ? (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconFileCode size={15} stroke={1.6} />}
            onClick={() => onChange(START)}
          >
            {t.create.cloudInitAdd}
          </Button>
        ) : (
          <Button size="xs" variant="subtle" color="gray" onClick={() => onChange("")}>
            {t.create.cloudInitRemove}
          </Button>
        )}
      </Group>
      {value !== "" && (
        <>
          <Suspense fallback={<Skeleton h={180} />}>
            <Editor value={value} onChange={onChange} />
          </Suspense>
          <Stack gap={2} role="status">
            {problems.length === 0 && (
              <Group gap={6} c="var(--tone-good)">
                <IconCircleCheck size={15} aria-hidden />
                <Text size="xs">{t.create.cloudInitGood}</Text>
              </Group>
            )}
            {problems.slice(0, MOST_TOLD).map((problem) => (
              <Group
                key={`${problem.from} ${problem.message}`}
                gap={6}
                wrap="nowrap"
                c={problem.severity === "error" ? "var(--tone-bad)" : "var(--tone-warn)"}
              >
                <IconAlertTriangle size={15} aria-hidden style={{ flex: "none" }} />
                <Text size="xs">{t.create.line(problem.line, problem.message)}</Text>
              </Group>
            ))}
          </Stack>
        </>
      )}
    </Stack>
  );
}
