import { Alert, Button, Code, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconHourglass, IconInfoCircle, IconKey } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { ApiError } from "@/api/client";
import { keys } from "@/api/keys";
import { logIn, sessionQuery } from "@/api/session";
import { t } from "@/strings";
import { Doorway } from "@/ui/Doorway";
import { Failure } from "@/ui/Failure";
import { useCountdown } from "./useCountdown";

export function LoginPage() {
  const { next, ended } = useSearch({ from: "/login" });
  const session = useQuery(sessionQuery);
  const { history } = useRouter();
  const isIn = Boolean(session.data?.me);
  useEffect(() => {
    if (isIn) history.replace(next ?? "/");
  }, [isIn, next, history]);
  return (
    <Doorway title={t.login.title}>
      {session.data?.first_start && <FirstStart />}
      {session.error && <Failure error={session.error} onRetry={() => void session.refetch()} />}
      {ended && (
        <Alert icon={<IconInfoCircle size={18} />} color="gray">
          {t.login.ended}
        </Alert>
      )}
      <LoginForm />
    </Doorway>
  );
}

function FirstStart() {
  return (
    <Alert icon={<IconKey size={18} />} title={t.login.firstStartTitle}>
      <Stack gap="xs">
        <Text size="sm">{t.login.firstStart}</Text>
        <Code block>{t.login.firstStartCommand}</Code>
      </Stack>
    </Alert>
  );
}

function LoginForm() {
  const queries = useQueryClient();
  const [waitS, waitFor] = useCountdown();
  const form = useForm({
    initialValues: { username: "", password: "" },
    validate: {
      username: (value) => (value.trim() ? null : t.login.needUsername),
      password: (value) => (value ? null : t.login.needPassword),
    },
  });
  const login = useMutation({
    meta: { mayBeRefused: true },
    mutationFn: (given: typeof form.values) => logIn(given.username.trim(), given.password),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.session }),
    onError: (error) => {
      form.setFieldValue("password", "");
      if (error instanceof ApiError && error.retryAfterS !== null) waitFor(error.retryAfterS);
    },
  });
  return (
    <form onSubmit={form.onSubmit((given) => login.mutate(given))} noValidate>
      <Stack gap="md">
        {waitS > 0 ? (
          <Alert color="orange" icon={<IconHourglass size={18} />} role="alert">
            {t.login.wait(waitS)}
          </Alert>
        ) : (
          login.error && <Failure error={login.error} />
        )}
        <TextInput
          label={t.login.username}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          data-autofocus
          autoFocus
          {...form.getInputProps("username")}
        />
        <PasswordInput
          label={t.login.password}
          autoComplete="current-password"
          {...form.getInputProps("password")}
        />
        <Button type="submit" fullWidth loading={login.isPending} disabled={waitS > 0}>
          {t.login.submit}
        </Button>
      </Stack>
    </form>
  );
}
