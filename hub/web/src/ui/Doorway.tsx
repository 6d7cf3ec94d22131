/** The frame of the pages before the login. */
import { Box, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";
import { t } from "@/strings";
import classes from "./Doorway.module.css";
import { Mark } from "./Mark";

export function Doorway(props: { title: string; lead?: ReactNode; children: ReactNode }) {
  useDocumentTitle(`${props.title} · ${t.product}`);
  return (
    <Box component="main" className={classes.doorway}>
      <Stack w="100%" maw={380} gap="lg">
        <Group gap={10} justify="center">
          <Mark size={30} />
          <Text fw={600} size="lg">
            {t.product}
          </Text>
        </Group>
        <Paper p="xl" shadow="sm">
          <Stack gap="md">
            <Stack gap={4}>
              <Title order={1}>{props.title}</Title>
              {props.lead && (
                <Text size="sm" c="dimmed">
                  {props.lead}
                </Text>
              )}
            </Stack>
            {props.children}
          </Stack>
        </Paper>
      </Stack>
    </Box>
  );
}
