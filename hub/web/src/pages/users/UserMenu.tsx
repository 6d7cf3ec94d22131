import { ActionIcon, Menu } from "@mantine/core";
import {
  IconDeviceMobileOff,
  IconDevices,
  IconDots,
  IconFingerprintOff,
  IconKey,
  IconTrash,
  IconUserCheck,
  IconUserCog,
  IconUserOff,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { changeUser, removePasskeysOf, removeTotpOf, removeUser } from "@/api/users";
import type { User } from "@/api/wire";
import { t } from "@/strings";
import type { Question } from "@/ui/Ask";
import { tellFailure } from "@/ui/Failure";
import type { Dialog } from "./UserDialogs";

const ICON = { size: 16, stroke: 1.6 } as const;

export function UserMenu(props: {
  user: User;
  onDialog: (dialog: Dialog) => void;
  onAsk: (question: Question) => void;
}) {
  const { user, onDialog } = props;
  const ask = useQuestions(user, props.onAsk);
  return (
    <Menu width={250}>
      <Menu.Target>
        <ActionIcon aria-label={t.users.menu(user.name)}>
          <IconDots {...ICON} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<IconUserCog {...ICON} />}
          onClick={() => onDialog({ kind: "change", user })}
        >
          {t.users.edit}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconKey {...ICON} />}
          onClick={() => onDialog({ kind: "password", user })}
        >
          {t.users.setPassword}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconDevices {...ICON} />}
          onClick={() => onDialog({ kind: "logins", user })}
        >
          {t.users.logins}
        </Menu.Item>
        {user.totp && (
          <Menu.Item leftSection={<IconDeviceMobileOff {...ICON} />} onClick={ask.removeTotp}>
            {t.users.removeTotp}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconFingerprintOff {...ICON} />} onClick={ask.removePasskeys}>
          {t.users.removePasskeys}
        </Menu.Item>
        <Menu.Divider />
        {user.disabled ? (
          <Menu.Item leftSection={<IconUserCheck {...ICON} />} onClick={ask.enable}>
            {t.users.enable}
          </Menu.Item>
        ) : (
          <Menu.Item leftSection={<IconUserOff {...ICON} />} onClick={ask.disable}>
            {t.users.disable}
          </Menu.Item>
        )}
        <Menu.Item color="red" leftSection={<IconTrash {...ICON} />} onClick={ask.remove}>
          {t.users.remove}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function useQuestions({ name }: User, ask: (question: Question) => void) {
  const queries = useQueryClient();
  const after = async (work: Promise<unknown>) => {
    await work;
    await queries.invalidateQueries({ queryKey: keys.users });
  };
  return {
    enable: () => void after(changeUser(name, { disabled: false })).catch(tellFailure),
    disable: () =>
      ask({
        title: t.users.titleOf(t.users.disable, name),
        text: t.users.disableText,
        verb: t.users.disable,
        run: () => after(changeUser(name, { disabled: true })),
      }),
    removeTotp: () =>
      ask({
        title: t.users.titleOf(t.users.removeTotp, name),
        text: t.users.removeTotpText,
        verb: t.users.removeTotp,
        run: () => after(removeTotpOf(name)),
      }),
    removePasskeys: () =>
      ask({
        title: t.users.titleOf(t.users.removePasskeys, name),
        text: t.users.removePasskeysText,
        verb: t.users.removePasskeys,
        run: () => after(removePasskeysOf(name)),
      }),
    remove: () =>
      ask({
        title: t.users.removeTitle(name),
        text: t.users.removeText,
        verb: t.users.remove,
        loses: true,
        typed: name,
        run: () => after(removeUser(name)),
      }),
  };
}
