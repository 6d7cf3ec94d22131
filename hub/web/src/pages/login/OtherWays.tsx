/** The ways in beside a password: a passkey, and the place that vouches for people here. */
import { Alert, Button, Divider, Stack } from "@mantine/core";
import { IconFingerprint, IconInfoCircle, IconLogin2 } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { hasPasskeys, logInWithPasskey } from "@/api/passkeys";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";

export function OtherWays(props: {
  /** What the provider to sign on with is called; null if there is none. */
  provider: string | null;
  /** Where to go afterwards. */
  next: string;
}) {
  const withPasskey = hasPasskeys();
  if (!withPasskey && props.provider === null) return null;
  return (
    <Stack gap="sm">
      <Divider label={t.login.or} />
      {withPasskey && <Passkey />}
      {props.provider !== null && (
        <Button
          component="a"
          href={`/api/auth/oidc?next=${encodeURIComponent(props.next)}`}
          variant="default"
          fullWidth
          leftSection={<IconLogin2 size={18} />}
        >
          {t.login.signOn(props.provider)}
        </Button>
      )}
    </Stack>
  );
}

function Passkey() {
  const queries = useQueryClient();
  const login = useMutation({
    meta: { mayBeRefused: true },
    mutationFn: logInWithPasskey,
    onSuccess: (isIn) => (isIn ? queries.invalidateQueries({ queryKey: keys.session }) : undefined),
  });
  return (
    <>
      {login.error && <Failure error={login.error} />}
      {login.data === false && (
        <Alert icon={<IconInfoCircle size={18} />} color="gray" role="status">
          {t.login.noPasskey}
        </Alert>
      )}
      <Button
        variant="default"
        fullWidth
        leftSection={<IconFingerprint size={18} />}
        loading={login.isPending}
        onClick={() => login.mutate()}
      >
        {t.login.passkey}
      </Button>
    </>
  );
}
