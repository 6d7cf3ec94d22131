/** A part of a page under its own heading. */
import { Box, Group, Title } from "@mantine/core";
import { useId } from "@mantine/hooks";
import type { ReactNode } from "react";

export function Section(props: { title: string; action?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <Box component="section" aria-labelledby={id} miw={0}>
      <Group justify="space-between" mih={28} mb={8} wrap="nowrap">
        <Title order={2} id={id}>
          {props.title}
        </Title>
        {props.action}
      </Group>
      {props.children}
    </Box>
  );
}
