import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { useMachines } from "@/api/machines";
import { changeUser } from "@/api/users";
import type { User } from "@/api/wire";
import { permissionsOf, wireOf } from "@/model/permissions";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { PermissionFields } from "@/ui/PermissionFields";

export function ChangeUser({ user, onDone }: { user: User; onDone: () => void }) {
  const queries = useQueryClient();
  const machines = useMachines().data ?? [];
  const [permissions, setPermissions] = useState(() => permissionsOf(user));
  const changing = useMutation({
    mutationFn: () => changeUser(user.name, wireOf(permissions)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.users });
      onDone();
    },
  });
  return (
    <Stack gap="md">
      <PermissionFields value={permissions} machines={machines} onChange={setPermissions} />
      <Text size="xs" c="dimmed">
        {t.users.changeHint}
      </Text>
      {changing.error && <Failure error={changing.error} />}
      <Group justify="flex-end">
        <Button loading={changing.isPending} onClick={() => changing.mutate()}>
          {t.users.save}
        </Button>
      </Group>
    </Stack>
  );
}
