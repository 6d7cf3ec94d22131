/** The frame of every page: its title, what can be done here, and the content. */
import { Box, Group, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";
import { t } from "@/strings";
import classes from "./Page.module.css";

export function Page(props: {
  title: string;
  /** Stands in place of the plain title, where it is more than words. */
  heading?: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
  /** The content fills the window and scrolls by itself: tables, terminals. */
  fills?: boolean;
  children: ReactNode;
}) {
  useDocumentTitle(`${props.title} · ${t.product}`);
  return (
    <Box className={classes.page} data-fills={props.fills || undefined}>
      <Group className={classes.head} justify="space-between" align="flex-start" gap="sm">
        <Stack gap={2} miw={0}>
          {props.heading ?? (
            <Title order={1} className={classes.title}>
              {props.title}
            </Title>
          )}
          {props.lead && (
            <Text size="sm" c="dimmed" component="div">
              {props.lead}
            </Text>
          )}
        </Stack>
        {props.actions && <Group gap="xs">{props.actions}</Group>}
      </Group>
      {props.children}
    </Box>
  );
}
