/** An empty place that says what belongs there and how to get it. */
import { Center, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";

export function Nothing(props: {
  icon: Icon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  const Picture = props.icon;
  return (
    <Center py="xl" px="md">
      <Stack align="center" gap="xs" maw={420} ta="center">
        <ThemeIcon variant="light" size={44} radius="xl" aria-hidden>
          <Picture size={22} stroke={1.6} />
        </ThemeIcon>
        <Title order={2}>{props.title}</Title>
        {props.children && (
          <Text size="sm" c="dimmed" component="div">
            {props.children}
          </Text>
        )}
        {props.action}
      </Stack>
    </Center>
  );
}
