/** First start: whoever has the hub's link chooses the administrator's password. */
import { Button, Code, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconKey } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { keys } from "@/api/keys";
import { setUp } from "@/api/session";
import { t } from "@/strings";
import { Doorway } from "@/ui/Doorway";
import { Failure } from "@/ui/Failure";
import { Nothing } from "@/ui/Nothing";

const LEAST = 8;

export function SetupPage() {
  // Read once and taken out of the address: no history of the browser keeps it.
  const [code] = useState(() => {
    const given = decodeURIComponent(globalThis.location.hash.slice(1));
    globalThis.history.replaceState(globalThis.history.state, "", "/setup");
    return given;
  });
  if (code === "") {
    return (
      <Doorway title={t.setup.title}>
        <Nothing
          icon={IconKey}
          title={t.setup.noCodeTitle}
          action={
            <Button component={Link} to="/login" variant="default">
              {t.setup.toLogin}
            </Button>
          }
        >
          {t.setup.noCode}
        </Nothing>
      </Doorway>
    );
  }
  const lead = (
    <>
      {t.setup.lead} <Code>{t.setup.admin}</Code>.
    </>
  );
  return (
    <Doorway title={t.setup.title} lead={lead}>
      <SetupForm code={code} />
    </Doorway>
  );
}

function SetupForm({ code }: { code: string }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const form = useForm({
    initialValues: { password: "", again: "" },
    validate: {
      password: (value) => (value.length < LEAST ? t.setup.tooShort(LEAST) : null),
      again: (value, all) => (value === all.password ? null : t.setup.differs),
    },
  });
  const setting = useMutation({
    meta: { mayBeRefused: true },
    mutationFn: ({ password }: typeof form.values) => setUp(code, password),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.session });
      await navigate({ to: "/" });
    },
  });
  return (
    <form onSubmit={form.onSubmit((given) => setting.mutate(given))} noValidate>
      <Stack gap="md">
        {setting.error && <Failure error={setting.error} />}
        {setting.error && (
          <Text size="sm" td="underline" component={Link} to="/login">
            {t.setup.toLogin}
          </Text>
        )}
        <input type="text" name="username" autoComplete="username" value="admin" readOnly hidden />
        <PasswordInput
          label={t.setup.password}
          autoComplete="new-password"
          autoFocus
          {...form.getInputProps("password")}
        />
        <PasswordInput
          label={t.setup.again}
          autoComplete="new-password"
          {...form.getInputProps("again")}
        />
        <Button type="submit" fullWidth loading={setting.isPending}>
          {t.setup.submit}
        </Button>
      </Stack>
    </form>
  );
}
