/** Where somebody is logged in. */
import { Badge, Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Login } from "@/api/wire";
import { clientOf } from "@/model/client";
import { t } from "@/strings";
import { Age } from "./Age";
import { type Column, DataTable, Lines } from "./DataTable";

const COLUMNS: Column<Login>[] = [
  {
    key: "client",
    title: t.logins.client,
    grows: true,
    cell: (login) => (
      <Lines
        first={
          <Group gap={8} title={login.client ?? undefined}>
            {clientOf(login.client) ?? t.logins.unknown}
            {login.current && <Badge size="sm">{t.logins.here}</Badge>}
          </Group>
        }
        second={login.address ?? "–"}
      />
    ),
  },
  { key: "seen", title: t.logins.seen, cell: (login) => <Age at={login.last_seen_at} /> },
  {
    key: "since",
    title: t.logins.since,
    wide: true,
    cell: (login) => <Age at={login.created_at} />,
  },
];

export function Logins(props: {
  logins: readonly Login[] | undefined;
  error: Error | null;
  onRetry: () => void;
  actions?: (login: Login) => ReactNode;
}) {
  return (
    <DataTable
      label={t.settings.logins}
      rows={props.logins}
      error={props.error}
      onRetry={props.onRetry}
      keyOf={(login) => login.id}
      columns={COLUMNS}
      actions={props.actions}
      empty={
        <Text size="sm" c="dimmed" p="md">
          {t.logins.none}
        </Text>
      }
    />
  );
}
