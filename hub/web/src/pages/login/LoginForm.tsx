/** Name and password, and then the code where the account wants one. */
import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconHourglass } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ApiError } from "@/api/client";
import { keys } from "@/api/keys";
import { logIn } from "@/api/session";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { useCountdown } from "./useCountdown";

/** The hub's name for a right password that is not enough. */
const SECOND_FACTOR = "second-factor-required";

export function LoginForm({
  otherWays,
}: {
  /** Shown until a code is asked for. */ otherWays: ReactNode;
}) {
  const queries = useQueryClient();
  const [waitS, waitFor] = useCountdown();
  const [asksCode, setAsksCode] = useState(false);
  const form = useForm({
    initialValues: { username: "", password: "", code: "" },
    validate: {
      username: (value) => (value.trim() ? null : t.login.needUsername),
      password: (value) => (value ? null : t.login.needPassword),
      code: (value) => (!asksCode || value.trim() ? null : t.login.needCode),
    },
  });
  const login = useMutation({
    meta: { mayBeRefused: true },
    mutationFn: ({ username, password, code }: typeof form.values) =>
      logIn(username.trim(), password, code.trim()),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.session }),
    onError: (error) => {
      const wantsCode = error instanceof ApiError && error.code === SECOND_FACTOR;
      if (wantsCode) setAsksCode(true);
      form.setFieldValue(wantsCode || asksCode ? "code" : "password", "");
      if (error instanceof ApiError && error.retryAfterS !== null) waitFor(error.retryAfterS);
    },
  });
  const startOver = () => {
    setAsksCode(false);
    login.reset();
    form.reset();
  };
  return (
    <form onSubmit={form.onSubmit((given) => login.mutate(given))} noValidate>
      <Stack gap="md">
        <Refused error={login.error} waitS={waitS} of={asksCode ? "codes" : "passwords"} />
        {asksCode ? (
          <TextInput
            key="code"
            label={t.login.code}
            description={t.login.codeHint}
            autoComplete="one-time-code"
            spellCheck={false}
            autoFocus
            {...form.getInputProps("code")}
          />
        ) : (
          <>
            <TextInput
              label={t.login.username}
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              autoFocus
              {...form.getInputProps("username")}
            />
            <PasswordInput
              label={t.login.password}
              autoComplete="current-password"
              {...form.getInputProps("password")}
            />
          </>
        )}
        <Button type="submit" fullWidth loading={login.isPending} disabled={waitS > 0}>
          {t.login.submit}
        </Button>
        {asksCode && (
          <Button variant="subtle" color="gray" size="xs" onClick={startOver}>
            {t.login.startOver}
          </Button>
        )}
        {!asksCode && otherWays}
      </Stack>
    </form>
  );
}

/** Why it did not work. That a code is wanted is no failure: the form then asks for it. */
function Refused(props: { error: Error | null; waitS: number; of: "passwords" | "codes" }) {
  const { error, waitS } = props;
  if (waitS > 0) {
    return (
      <Alert color="orange" icon={<IconHourglass size={18} />} role="alert">
        {t.login.wait(waitS, props.of)}
      </Alert>
    );
  }
  if (error === null || (error instanceof ApiError && error.code === SECOND_FACTOR)) return null;
  return <Failure error={error} />;
}
