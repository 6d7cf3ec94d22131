/** What is asked about an account: a new one, what it may do, its password, its logins. */
import { Modal } from "@mantine/core";
import type { User } from "@/api/wire";
import { t } from "@/strings";
import { AddUser } from "./AddUser";
import { ChangeUser } from "./ChangeUser";
import { LoginsOf } from "./LoginsOf";
import { SetPassword } from "./SetPassword";

export type Dialog =
  | { readonly kind: "add" }
  | { readonly kind: "change" | "password" | "logins"; readonly user: User };

export function UserDialogs(props: { dialog: Dialog | null; onClose: () => void }) {
  const { dialog, onClose } = props;
  return (
    <Modal
      opened={dialog !== null}
      onClose={onClose}
      title={dialog && titleOf(dialog)}
      size={dialog?.kind === "logins" ? "lg" : "md"}
    >
      {dialog && <Content dialog={dialog} onClose={onClose} />}
    </Modal>
  );
}

function Content({ dialog, onClose }: { dialog: Dialog; onClose: () => void }) {
  switch (dialog.kind) {
    case "add":
      return <AddUser onDone={onClose} />;
    case "change":
      return <ChangeUser user={dialog.user} onDone={onClose} />;
    case "password":
      return <SetPassword name={dialog.user.name} onDone={onClose} />;
    case "logins":
      return <LoginsOf name={dialog.user.name} />;
  }
}

function titleOf(dialog: Dialog): string {
  switch (dialog.kind) {
    case "add":
      return t.users.add;
    case "change":
      return t.users.change(dialog.user.name);
    case "password":
      return t.users.setPasswordOf(dialog.user.name);
    case "logins":
      return t.users.loginsOf(dialog.user.name);
  }
}
