import { Button, Group, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { useMachines } from "@/api/machines";
import { addUser } from "@/api/users";
import { LEAST_PASSWORD } from "@/model/password";
import { type Permissions, wireOf } from "@/model/permissions";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { PermissionFields } from "@/ui/PermissionFields";

const USUAL: Permissions = { role: "operator", terminals: true, agents: [], tags: [] };

export function AddUser({ onDone }: { onDone: () => void }) {
  const queries = useQueryClient();
  const machines = useMachines().data ?? [];
  const [permissions, setPermissions] = useState(USUAL);
  const form = useForm({
    initialValues: { name: "", password: "" },
    validate: {
      name: (value) => (value.trim() ? null : t.users.needName),
      password: (value) =>
        value.length < LEAST_PASSWORD ? t.users.tooShort(LEAST_PASSWORD) : null,
    },
  });
  const adding = useMutation({
    mutationFn: ({ name, password }: typeof form.values) =>
      addUser({ name: name.trim(), password, ...wireOf(permissions) }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.users });
      onDone();
    },
  });
  return (
    <form onSubmit={form.onSubmit((given) => adding.mutate(given))} noValidate>
      <Stack gap="md">
        <TextInput
          label={t.users.name}
          description={t.users.nameHint}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          data-autofocus
          {...form.getInputProps("name")}
        />
        <PasswordInput
          label={t.users.password}
          description={t.users.passwordHint}
          autoComplete="new-password"
          {...form.getInputProps("password")}
        />
        <PermissionFields value={permissions} machines={machines} onChange={setPermissions} />
        {adding.error && <Failure error={adding.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={adding.isPending}>
            {t.users.add}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
