/** API tokens: one's own, and for an administrator everybody's. */
import { Button, Text } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { hubNow } from "@/api/clock";
import { keys } from "@/api/keys";
import { useMachines } from "@/api/machines";
import { useMe } from "@/api/session";
import { revokeToken, tokensQuery } from "@/api/tokens";
import type { Token } from "@/api/wire";
import { moment, time } from "@/format";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Ask, type Question } from "@/ui/Ask";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { limitsOf } from "@/ui/PermissionFields";
import { MakeToken } from "./MakeToken";

export function TokensPage() {
  const tokens = useQuery(tokensQuery);
  const [making, setMaking] = useState(false);
  const [question, ask] = useState<Question | null>(null);
  const revoking = useRevoking(ask);
  const make = (
    <Button leftSection={<IconPlus size={16} stroke={1.6} />} onClick={() => setMaking(true)}>
      {t.tokens.make}
    </Button>
  );
  return (
    <Page title={t.tokens.title} lead={t.tokens.lead} actions={make}>
      <DataTable
        label={t.tokens.title}
        rows={tokens.data}
        error={tokens.error}
        onRetry={() => void tokens.refetch()}
        keyOf={(token) => token.id}
        columns={useColumns()}
        empty={
          <Nothing icon={IconKey} title={t.tokens.emptyTitle}>
            {t.tokens.empty}
          </Nothing>
        }
        actions={(token) => (
          <Button size="xs" variant="subtle" color="red" onClick={() => revoking(token)}>
            {t.tokens.revoke}
          </Button>
        )}
      />
      <MakeToken opened={making} onClose={() => setMaking(false)} />
      <Ask question={question} onClose={() => ask(null)} />
    </Page>
  );
}

function useRevoking(ask: (question: Question) => void) {
  const queries = useQueryClient();
  return (token: Token) =>
    ask({
      title: t.tokens.revokeTitle(token.name),
      text: t.tokens.revokeText,
      verb: t.tokens.revoke,
      loses: true,
      run: async () => {
        await revokeToken(token.id);
        await queries.invalidateQueries({ queryKey: keys.tokens });
      },
    });
}

function useColumns(): Column<Token>[] {
  const me = useMe();
  const machines = useMachines().data ?? [];
  const all: Column<Token>[] = [
    {
      key: "name",
      title: t.tokens.name,
      grows: true,
      cell: (token) => <Lines first={token.name} second={limitsOf(token, machines)} />,
    },
    {
      key: "role",
      title: t.permissions.role,
      cell: (token) => (
        <Lines
          first={t.permissions[token.role]}
          second={token.terminals ? t.permissions.terminals : t.permissions.noTerminals}
        />
      ),
    },
    { key: "owner", title: t.tokens.owner, wide: true, cell: ({ owner }) => owner },
    { key: "expires", title: t.tokens.expires, cell: ({ expires_at: at }) => <Expiry at={at} /> },
    {
      key: "used",
      title: t.tokens.lastUsed,
      wide: true,
      cell: ({ last_used_at: at }) =>
        at === null ? (
          <Text size="sm" c="dimmed">
            {t.tokens.notYet}
          </Text>
        ) : (
          <Age at={at} />
        ),
    },
  ];
  return all.filter((column) => column.key !== "owner" || me?.role === "admin");
}

function Expiry({ at }: { at: string | null }) {
  if (at === null) {
    return (
      <Text size="sm" c="dimmed">
        {t.tokens.never}
      </Text>
    );
  }
  const over = time(at) <= hubNow();
  return (
    <Text size="sm" c={over ? "red" : undefined}>
      {over ? t.tokens.expired : moment(at)}
    </Text>
  );
}
