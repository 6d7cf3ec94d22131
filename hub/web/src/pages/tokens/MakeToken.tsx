import { Button, Group, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { useMachines } from "@/api/machines";
import { useMe } from "@/api/session";
import { makeToken } from "@/api/tokens";
import type { IssuedToken, Me } from "@/api/wire";
import { permissionsOf, ROLES, wireOf } from "@/model/permissions";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { MakeAndShow } from "@/ui/MakeAndShow";
import { PermissionFields } from "@/ui/PermissionFields";
import { Secret } from "@/ui/Secret";

const MONTH_S = "2592000";
const NEVER = "never";

export function MakeToken(props: { opened: boolean; onClose: () => void }) {
  const me = useMe();
  return (
    <MakeAndShow<IssuedToken>
      {...props}
      title={(made) => (made ? t.tokens.made(made.name) : t.tokens.make)}
      form={(onMade) => me && <Form me={me} onMade={onMade} />}
      shown={(made, onDone) => <Made token={made} onDone={onDone} />}
    />
  );
}

function Form({ me, onMade }: { me: Me; onMade: (token: IssuedToken) => void }) {
  const queries = useQueryClient();
  const machines = useMachines().data ?? [];
  const [name, setName] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const [lives, setLives] = useState(MONTH_S);
  const [permissions, setPermissions] = useState(() => permissionsOf(me));
  const making = useMutation({
    mutationFn: () =>
      makeToken({
        name: name.trim(),
        ...wireOf(permissions),
        expires_in_s: lives === NEVER ? null : Number(lives),
      }),
    onSuccess: async (token) => {
      onMade(token);
      await queries.invalidateQueries({ queryKey: keys.tokens });
    },
  });
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) making.mutate();
        else setWrong(t.tokens.needName);
      }}
    >
      <Stack gap="md">
        <TextInput
          label={t.tokens.name}
          description={t.tokens.nameHint}
          value={name}
          error={wrong}
          onChange={(event) => {
            setName(event.currentTarget.value);
            setWrong(null);
          }}
          data-autofocus
        />
        <Select
          label={t.tokens.expiry}
          data={[
            ...Object.entries(t.tokens.lives).map(([value, label]) => ({ value, label })),
            { value: NEVER, label: t.tokens.never },
          ]}
          value={lives}
          allowDeselect={false}
          onChange={(value) => setLives(value ?? MONTH_S)}
        />
        <PermissionFields
          value={permissions}
          machines={machines}
          roles={ROLES.slice(0, ROLES.indexOf(me.role) + 1)}
          onChange={setPermissions}
        />
        {making.error && <Failure error={making.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={making.isPending}>
            {t.tokens.make}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Made({ token, onDone }: { token: IssuedToken; onDone: () => void }) {
  const origin = globalThis.location.origin;
  return (
    <Stack gap="md">
      <Secret label={t.tokens.secret} value={token.token} hint={t.secret.once} />
      <Secret
        label={t.tokens.tryIt}
        value={`curl -H "Authorization: Bearer ${token.token}" ${origin}/api/vm/list`}
      />
      <Group justify="flex-end">
        <Button onClick={onDone}>{t.secret.done}</Button>
      </Group>
    </Stack>
  );
}
