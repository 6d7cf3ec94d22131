/** What can be done to all that are selected. */
import { Button, CloseButton, Group, Paper, Text } from "@mantine/core";
import type { ListedVm } from "@/api/wire";
import { t } from "@/strings";
import { type Action, useVmActions } from "@/vm/VmActions";
import { ACTION_ICONS } from "@/vm/VmMenu";
import classes from "./VmsPage.module.css";

const OFFERED: readonly Action[] = ["start", "stop", "restart", "delete"];

export function Selection({ vms, onClear }: { vms: readonly ListedVm[]; onClear: () => void }) {
  const { act } = useVmActions();
  const trashed = vms.length > 0 && vms.every((vm) => vm.state === "Deleted");
  const offered: readonly Action[] = trashed ? ["recover", "purge"] : OFFERED;
  return (
    <Paper
      className={classes.selection}
      shadow="md"
      role="toolbar"
      aria-label={t.vms.selected(vms.length)}
    >
      <Text size="sm" fw={500} px={4}>
        {t.vms.selected(vms.length)}
      </Text>
      <Group gap={6}>
        {offered.map((action) => {
          const Picture = ACTION_ICONS[action];
          return (
            <Button
              key={action}
              size="xs"
              variant="default"
              c={action === "delete" || action === "purge" ? "var(--tone-bad)" : undefined}
              leftSection={<Picture size={15} stroke={1.6} />}
              onClick={() => act(action, vms)}
            >
              {t.verbs[action]}
            </Button>
          );
        })}
      </Group>
      <CloseButton aria-label={t.vms.clearSelection} onClick={onClear} />
    </Paper>
  );
}
