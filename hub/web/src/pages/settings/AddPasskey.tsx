import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { addPasskey } from "@/api/passkeys";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";

const words = t.passkeys;

export function AddPasskey(props: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={words.add}>
      <Form onDone={props.onClose} />
    </Modal>
  );
}

function Form({ onDone }: { onDone: () => void }) {
  const queries = useQueryClient();
  const form = useForm({
    initialValues: { name: "", password: "" },
    validate: {
      name: (value) => (value.trim() ? null : words.needName),
      password: (value) => (value ? null : t.settings.needCurrent),
    },
  });
  const adding = useMutation({
    meta: { mayBeRefused: true },
    mutationFn: ({ name, password }: typeof form.values) => addPasskey(name.trim(), password),
    onSuccess: async (made) => {
      if (!made) return;
      await queries.invalidateQueries({ queryKey: keys.passkeys });
      onDone();
    },
  });
  return (
    <form onSubmit={form.onSubmit((given) => adding.mutate(given))} noValidate>
      <Stack gap="md">
        <TextInput
          label={words.name}
          description={words.nameHint}
          data-autofocus
          {...form.getInputProps("name")}
        />
        <PasswordInput
          label={t.settings.totpPassword}
          autoComplete="current-password"
          {...form.getInputProps("password")}
        />
        {adding.error && <Failure error={adding.error} />}
        {adding.data === false && (
          <Text size="sm" role="alert">
            {words.notMade}
          </Text>
        )}
        <Group justify="flex-end">
          <Button type="submit" loading={adding.isPending}>
            {words.add}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
