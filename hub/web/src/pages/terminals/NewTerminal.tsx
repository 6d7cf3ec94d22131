/** Asks in which VM a new terminal is to be. */
import { Button, Group, Modal, Select, Stack, Switch, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useVms, vmKey, type VmRef } from "@/api/vms";
import type { Terminal } from "@/api/wire";
import { t } from "@/strings";
import type { Direction } from "./layout";

/** A terminal to be opened. */
export interface Order {
  readonly vm: VmRef;
  readonly record?: boolean;
  /** Keys are in the recording, too. */
  readonly recordInput?: boolean;
  /** Where it is to be shown; a tab of its own if left out. */
  readonly beside?: { readonly terminal: string; readonly direction: Direction };
}

const MOST_SHOWN = 50;

export function NewTerminal(props: {
  onOpen: (order: Order) => Promise<Terminal>;
  onClose: () => void;
}) {
  const { data: vms = [] } = useVms();
  const running = vms.filter(({ state }) => state === "Running");
  const form = useForm({
    initialValues: {
      vm: running.length === 1 && running[0] ? vmKey(running[0]) : "",
      record: false,
      recordInput: false,
    },
    validate: { vm: (value) => (value === "" ? t.terminals.needVm : null) },
  });
  const open = async ({ vm: key, ...how }: typeof form.values) => {
    const vm = running.find((each) => vmKey(each) === key);
    if (vm === undefined) return form.setFieldError("vm", t.terminals.needVm);
    await props.onOpen({ vm: { name: vm.name, agent_id: vm.agent_id }, ...how }).then(
      props.onClose,
      () => {}, // told already; the dialog stays for another try
    );
  };
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={t.terminals.newTitle}
      closeButtonProps={{ "aria-label": t.actions.close }}
    >
      <form onSubmit={form.onSubmit(open)}>
        <Stack gap="md">
          <Select
            label={t.terminals.chooseVm}
            placeholder={t.terminals.chooseVmHint}
            data-autofocus
            searchable
            limit={MOST_SHOWN}
            nothingFoundMessage={t.terminals.noVm}
            data={running.map((vm) => ({
              value: vmKey(vm),
              label: vm.name,
              host: vm.agent_hostname,
            }))}
            renderOption={({ option }) => (
              <Group justify="space-between" flex={1} wrap="nowrap" gap="sm">
                <Text size="sm" truncate>
                  {option.label}
                </Text>
                <Text size="xs" c="dimmed" truncate>
                  {"host" in option ? String(option.host) : ""}
                </Text>
              </Group>
            )}
            {...form.getInputProps("vm")}
          />
          <Switch
            label={t.terminals.record}
            description={t.terminals.recordHint}
            {...form.getInputProps("record", { type: "checkbox" })}
          />
          {form.values.record && (
            <Switch
              label={t.terminals.recordInput}
              description={t.terminals.recordInputHint}
              {...form.getInputProps("recordInput", { type: "checkbox" })}
            />
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={props.onClose}>
              {t.actions.cancel}
            </Button>
            <Button type="submit" loading={form.submitting}>
              {t.terminals.show}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
