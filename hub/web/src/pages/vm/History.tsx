/** What was done to the VM through this hub, newest first. */
import { Box, Collapse, Group, Paper, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import { useOperations } from "@/api/operations";
import { isSameVm, type VmRef } from "@/api/vms";
import type { Operation } from "@/api/wire";
import { duration, time } from "@/format";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Section } from "@/ui/Section";
import { OperationStateMark } from "@/ui/State";
import { OperationProgress } from "@/vm/OperationProgress";
import classes from "./VmPage.module.css";

export function History({ vm }: { vm: VmRef }) {
  const operations = (useOperations().data ?? []).filter((operation) =>
    isSameVm({ name: operation.vm_name, agent_id: operation.agent_id }, vm),
  );
  return (
    <Section title={t.vm.operations}>
      <Paper>
        {operations.length === 0 && (
          <Text size="sm" c="dimmed" p="md">
            {t.vm.noOperations}
          </Text>
        )}
        {operations.map((operation) => (
          <One key={operation.id} operation={operation} />
        ))}
      </Paper>
    </Section>
  );
}

function One({ operation }: { operation: Operation }) {
  const [open, setOpen] = useState(operation.state === "running");
  const { started_at, ended_at } = operation;
  return (
    <Box className={classes.line}>
      <UnstyledButton w="100%" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Group justify="space-between" wrap="nowrap" gap="sm">
          <Group gap="xs" wrap="nowrap" miw={0}>
            <IconChevronRight
              size={14}
              aria-hidden
              style={{ flex: "none", rotate: open ? "90deg" : "0deg" }}
            />
            <Stack gap={0} miw={0}>
              <Text size="sm" fw={500}>
                {t.kinds[operation.kind]}
              </Text>
              <Text size="xs" c="dimmed" truncate>
                {operation.requested_by && t.vm.by(operation.requested_by)}
                {started_at &&
                  ended_at &&
                  ` · ${t.vm.took(duration((time(ended_at) - time(started_at)) / 1000))}`}
              </Text>
            </Stack>
          </Group>
          <Group gap="md" wrap="nowrap">
            <OperationStateMark state={operation.state} />
            <Age at={ended_at ?? operation.created_at} size="xs" />
          </Group>
        </Group>
      </UnstyledButton>
      <Collapse expanded={open}>
        {open && (
          <Box pt="sm" pl={22}>
            <OperationProgress id={operation.id} />
          </Box>
        )}
      </Collapse>
    </Box>
  );
}
