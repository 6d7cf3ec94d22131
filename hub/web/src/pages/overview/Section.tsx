import { Box, Title } from "@mantine/core";
import { useId } from "@mantine/hooks";
import type { ReactNode } from "react";
import classes from "./Overview.module.css";

export function Section(props: { title: string; action?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <Box component="section" aria-labelledby={id} miw={0}>
      <Box className={classes.sectionHead}>
        <Title order={2} id={id}>
          {props.title}
        </Title>
        {props.action}
      </Box>
      {props.children}
    </Box>
  );
}
