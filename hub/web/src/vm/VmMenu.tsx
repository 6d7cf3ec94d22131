/** All that can be done to one VM, as a menu. */
import { ActionIcon, Menu } from "@mantine/core";
import {
  IconDots,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerStop,
  IconRefresh,
  IconRestore,
  IconTrash,
  IconTrashX,
} from "@tabler/icons-react";
import { useState } from "react";
import type { VmVerb } from "@/api/vms";
import type { ListedVm } from "@/api/wire";
import { meaningOf } from "@/model/vmState";
import { t } from "@/strings";
import { type Action, useVmActions } from "./VmActions";

export const ACTION_ICONS = {
  start: IconPlayerPlay,
  stop: IconPlayerStop,
  restart: IconRefresh,
  suspend: IconPlayerPause,
  recover: IconRestore,
  delete: IconTrash,
  purge: IconTrashX,
} as const;

/** What to offer for a state, in order. What is in the trash can only be recovered, or removed for good. */
export function actionsOf(vm: Pick<ListedVm, "state">): readonly Action[] {
  const { verbs } = meaningOf(vm.state);
  const gentle = verbs.filter((verb) => verb !== "delete");
  const ends: Action[] = vm.state === "Deleted" ? ["purge"] : ["delete", "purge"];
  return verbs.includes("delete" satisfies VmVerb) ? [...gentle, ...ends] : gentle;
}

/** A button until it is first used: a table has many of these, and a menu is a lot to make. */
export function VmMenu({ vm }: { vm: ListedVm }) {
  const [made, setMade] = useState(false);
  const dots = (open?: () => void) => (
    <ActionIcon
      aria-label={t.vmActions.more(vm.name)}
      aria-haspopup="menu"
      {...(open && { onClick: open })}
    >
      <IconDots size={16} />
    </ActionIcon>
  );
  if (!made) return dots(() => setMade(true));
  return (
    <Menu defaultOpened>
      <Menu.Target>{dots()}</Menu.Target>
      <Menu.Dropdown>
        <VmMenuItems vm={vm} actions={actionsOf(vm)} />
      </Menu.Dropdown>
    </Menu>
  );
}

export function VmMenuItems({ vm, actions }: { vm: ListedVm; actions: readonly Action[] }) {
  const { act } = useVmActions();
  return actions.map((action) => {
    const Picture = ACTION_ICONS[action];
    return (
      <Menu.Item
        key={action}
        leftSection={<Picture size={16} stroke={1.6} />}
        color={action === "delete" || action === "purge" ? "red" : undefined}
        onClick={() => act(action, [vm])}
      >
        {t.verbs[action]}
      </Menu.Item>
    );
  });
}
