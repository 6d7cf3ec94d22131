/** Asks before something is done to VMs, as firmly as it is dangerous. */
import { Button, Checkbox, Group, List, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import type { VmRef } from "@/api/vms";
import { t } from "@/strings";
import type { Action } from "./VmActions";

export interface Choice {
  readonly action: Action;
  readonly vms: readonly VmRef[];
}

export interface How {
  readonly force?: boolean;
  readonly purge?: boolean;
}

/** VMs named in the question; the rest are counted. */
const NAMED = 6;

/** What loses nothing is done at once. */
export function needsNoWord({ action, vms }: Choice): boolean {
  return (action === "start" || action === "recover" || action === "suspend") && vms.length === 1;
}

/** What has to be typed: the name for one VM, a phrase with the number for several. */
export function phraseOf(vms: readonly VmRef[]): string {
  const [only] = vms;
  return vms.length === 1 && only ? only.name : t.vmActions.countPhrase(vms.length);
}

interface Asking {
  onCancel: () => void;
  onConfirm: (choice: Choice, how: How) => void;
}

export function Confirm({ choice, ...asking }: Asking & { choice: Choice | null }) {
  const what =
    choice && (choice.vms.length === 1 ? choice.vms[0]?.name : t.vmActions.vms(choice.vms.length));
  return (
    <Modal
      opened={choice !== null}
      onClose={asking.onCancel}
      title={choice && t.vmActions.confirmTitle(t.verbs[choice.action], what ?? "")}
      styles={{ title: { fontWeight: 600, overflowWrap: "anywhere" } }}
    >
      {choice && <Question choice={choice} {...asking} />}
    </Modal>
  );
}

function Question({ choice, onCancel, onConfirm }: Asking & { choice: Choice }) {
  const { action, vms } = choice;
  const [force, setForce] = useState(false);
  const [typed, setTyped] = useState("");
  const forGood = action === "purge";
  const phrase = phraseOf(vms);
  const explained = action === "start" || action === "recover" ? null : t.vmActions[action];
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onConfirm(choice, action === "stop" && force ? { force } : {});
      }}
    >
      <Stack gap="md">
        {explained && <Text size="sm">{explained}</Text>}
        {vms.length > 1 && <Names vms={vms} />}
        {action === "stop" && (
          <Checkbox
            checked={force}
            onChange={(event) => setForce(event.currentTarget.checked)}
            label={t.vmActions.force}
            description={t.vmActions.forceHint}
          />
        )}
        {forGood && (
          <TextInput
            label={vms.length === 1 ? t.vmActions.typeName(phrase) : t.vmActions.typeCount(phrase)}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onCancel}>
            {t.actions.cancel}
          </Button>
          <Button
            type="submit"
            color={action === "delete" || forGood || force ? "red" : "brand"}
            disabled={forGood && typed !== phrase}
            data-autofocus={!forGood || undefined}
          >
            {t.verbs[action]}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Names({ vms }: { vms: readonly VmRef[] }) {
  return (
    <List size="sm" spacing={2}>
      {vms.slice(0, NAMED).map((vm) => (
        <List.Item key={`${vm.agent_id ?? ""}/${vm.name}`}>{vm.name}</List.Item>
      ))}
      {vms.length > NAMED && <List.Item>{t.vmActions.andMore(vms.length - NAMED)}</List.Item>}
    </List>
  );
}
