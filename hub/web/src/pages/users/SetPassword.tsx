import { Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { changeUser } from "@/api/users";
import { LEAST_PASSWORD } from "@/model/password";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";

export function SetPassword({ name, onDone }: { name: string; onDone: () => void }) {
  const form = useForm({
    initialValues: { password: "" },
    validate: {
      password: (value) =>
        value.length < LEAST_PASSWORD ? t.users.tooShort(LEAST_PASSWORD) : null,
    },
  });
  const setting = useMutation({
    mutationFn: ({ password }: typeof form.values) => changeUser(name, { password }),
    onSuccess: onDone,
  });
  return (
    <form onSubmit={form.onSubmit((given) => setting.mutate(given))} noValidate>
      <Stack gap="md">
        <Text size="sm">{t.users.setPasswordHint}</Text>
        <PasswordInput
          label={t.users.password}
          autoComplete="new-password"
          data-autofocus
          {...form.getInputProps("password")}
        />
        {setting.error && <Failure error={setting.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={setting.isPending}>
            {t.users.setPassword}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
