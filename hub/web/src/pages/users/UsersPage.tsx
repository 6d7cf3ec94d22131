/** Who may log in, and what they may do. */
import { Badge, Button, Group, Text } from "@mantine/core";
import { IconUserPlus, IconUsers } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useMachines } from "@/api/machines";
import { useMe } from "@/api/session";
import { usersQuery } from "@/api/users";
import type { User } from "@/api/wire";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Ask, type Question } from "@/ui/Ask";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { limitsOf } from "@/ui/PermissionFields";
import { State } from "@/ui/State";
import { type Dialog, UserDialogs } from "./UserDialogs";
import { UserMenu } from "./UserMenu";

export function UsersPage() {
  const users = useQuery(usersQuery);
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const [question, ask] = useState<Question | null>(null);
  return (
    <Page
      title={t.users.title}
      lead={t.users.lead}
      actions={
        <Button
          leftSection={<IconUserPlus size={16} stroke={1.6} />}
          onClick={() => setDialog({ kind: "add" })}
        >
          {t.users.add}
        </Button>
      }
    >
      <DataTable
        label={t.users.title}
        rows={users.data}
        error={users.error}
        onRetry={() => void users.refetch()}
        keyOf={(user) => user.name}
        columns={useColumns()}
        empty={<Nothing icon={IconUsers} title={t.users.empty} />}
        actions={(user) => <UserMenu user={user} onDialog={setDialog} onAsk={ask} />}
      />
      <UserDialogs dialog={dialog} onClose={() => setDialog(null)} />
      <Ask question={question} onClose={() => ask(null)} />
    </Page>
  );
}

function useColumns(): Column<User>[] {
  const me = useMe();
  const machines = useMachines().data ?? [];
  return [
    {
      key: "name",
      title: t.users.name,
      grows: true,
      cell: (user) => (
        <Lines
          first={
            <Group gap={8}>
              {user.name}
              {user.name === me?.name && (
                <Badge size="sm" color="gray">
                  {t.users.you}
                </Badge>
              )}
            </Group>
          }
          second={limitsOf(user, machines)}
        />
      ),
    },
    {
      key: "role",
      title: t.permissions.role,
      cell: (user) => (
        <Lines
          first={t.permissions[user.role]}
          second={user.terminals ? t.permissions.terminals : t.permissions.noTerminals}
        />
      ),
    },
    {
      key: "status",
      title: t.users.status,
      cell: ({ disabled }) => (
        <State
          tone={disabled ? "idle" : "good"}
          label={disabled ? t.users.disabled : t.users.active}
        />
      ),
    },
    {
      key: "totp",
      title: t.users.totp,
      wide: true,
      cell: ({ totp }) => (
        <Text size="sm" c={totp ? undefined : "dimmed"}>
          {totp ? t.settings.totpOn : t.settings.totpOff}
        </Text>
      ),
    },
    {
      key: "login",
      title: t.users.lastLogin,
      wide: true,
      cell: ({ last_login_at: at }) =>
        at === null ? (
          <Text size="sm" c="dimmed">
            {t.users.never}
          </Text>
        ) : (
          <Age at={at} />
        ),
    },
  ];
}
