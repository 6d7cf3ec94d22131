/** A part of a page under its own heading. */
import { Box, Group, Stack, Text, Title } from "@mantine/core";
import { useId } from "@mantine/hooks";
import type { ReactNode } from "react";

export function Section(props: {
  title: string;
  lead?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <Box component="section" aria-labelledby={id} miw={0}>
      <Group justify="space-between" mih={32} mb="xs" gap="sm">
        <Stack gap={0} flex={1} miw={200}>
          <Title order={2} id={id}>
            {props.title}
          </Title>
          {props.lead && (
            <Text size="sm" c="dimmed" component="div">
              {props.lead}
            </Text>
          )}
        </Stack>
        {props.action}
      </Group>
      {props.children}
    </Box>
  );
}
