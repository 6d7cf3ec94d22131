import { Button, Group, Paper, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { changePassword } from "@/api/account";
import { keys } from "@/api/keys";
import { LEAST_PASSWORD } from "@/model/password";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Section } from "@/ui/Section";

export function ChangePassword() {
  const queries = useQueryClient();
  const form = useForm({
    initialValues: { current: "", fresh: "", again: "" },
    validate: {
      current: (value) => (value ? null : t.settings.needCurrent),
      fresh: (value) => (value.length < LEAST_PASSWORD ? t.users.tooShort(LEAST_PASSWORD) : null),
      again: (value, all) => (value === all.fresh ? null : t.settings.differs),
    },
  });
  const changing = useMutation({
    meta: { mayBeRefused: true },
    mutationFn: ({ current, fresh }: typeof form.values) => changePassword(current, fresh),
    onSuccess: async () => {
      form.reset();
      notifications.show({ message: t.settings.passwordChanged, withBorder: true });
      await queries.invalidateQueries({ queryKey: keys.logins });
    },
  });
  return (
    <Section title={t.settings.password} lead={t.settings.passwordLead}>
      <Paper p="md">
        <form onSubmit={form.onSubmit((given) => changing.mutate(given))} noValidate>
          <Stack gap="md" maw={360}>
            <PasswordInput
              label={t.settings.current}
              autoComplete="current-password"
              {...form.getInputProps("current")}
            />
            <PasswordInput
              label={t.settings.fresh}
              autoComplete="new-password"
              {...form.getInputProps("fresh")}
            />
            <PasswordInput
              label={t.settings.again}
              autoComplete="new-password"
              {...form.getInputProps("again")}
            />
            {changing.error && <Failure error={changing.error} />}
            <Group>
              <Button type="submit" loading={changing.isPending}>
                {t.settings.changePassword}
              </Button>
            </Group>
          </Stack>
        </form>
      </Paper>
    </Section>
  );
}
