/** Who watches this terminal now, and what they may. */
import { Badge, Group, Popover, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconEye } from "@tabler/icons-react";
import type { TerminalViewer } from "@/api/wire";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import classes from "./Terminal.module.css";

export function ViewersButton({ viewers }: { viewers: readonly TerminalViewer[] }) {
  if (viewers.length === 0) return null;
  return (
    <Popover position="bottom-end" shadow="md" width={280} withinPortal>
      <Popover.Target>
        <UnstyledButton className={classes.viewers} aria-label={t.terminal.viewers(viewers.length)}>
          <IconEye size={15} stroke={1.7} aria-hidden />
          <span>{viewers.length}</span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p="sm">
        <Stack gap="xs" component="ul" className={classes.plain}>
          {viewers.map((viewer) => (
            <Group key={viewer.id} component="li" justify="space-between" wrap="nowrap" gap="xs">
              <Text size="sm" truncate>
                {viewer.name}
              </Text>
              <Group gap="xs" wrap="nowrap">
                <Badge size="sm" color={viewer.mode === "reader" ? "gray" : "brand"}>
                  {t.terminal.modes[viewer.mode]}
                </Badge>
                <Age at={viewer.attached_at} size="xs" />
              </Group>
            </Group>
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
