/** Join tokens that are still good. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { joinTokensQuery, revokeJoinToken } from "@/api/joining";
import { keys } from "@/api/keys";
import type { JoinToken } from "@/api/wire";
import { moment } from "@/format";
import { tagTexts } from "@/model/permissions";
import { t } from "@/strings";
import { Ask, type Question } from "@/ui/Ask";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { Section } from "@/ui/Section";

const COLUMNS: Column<JoinToken>[] = [
  {
    key: "for",
    title: t.machines.invitation,
    grows: true,
    cell: (token) => (
      <Lines
        first={token.name ?? token.agent_id ?? t.machines.anyMachine}
        second={tagTexts(token.tags).join(" · ")}
      />
    ),
  },
  {
    key: "left",
    title: t.machines.usesLeft,
    wide: true,
    cell: (token) => `${token.uses_left} / ${token.uses}`,
  },
  { key: "ends", title: t.machines.expires, cell: (token) => moment(token.expires_at) },
  { key: "by", title: t.machines.by, wide: true, cell: (token) => token.created_by },
];

export function Invitations() {
  const tokens = useQuery(joinTokensQuery);
  const queries = useQueryClient();
  const [question, ask] = useState<Question | null>(null);
  const open = tokens.data?.filter((token) => token.uses_left > 0) ?? [];
  const revoke = (token: JoinToken) =>
    ask({
      title: t.machines.revokeTitle,
      text: t.machines.revokeText,
      verb: t.machines.revoke,
      loses: true,
      run: async () => {
        await revokeJoinToken(token.id);
        await queries.invalidateQueries({ queryKey: keys.joinTokens });
      },
    });
  return (
    <>
      {open.length > 0 && (
        <Section title={t.machines.invitations}>
          <DataTable
            label={t.machines.invitations}
            rows={open}
            columns={COLUMNS}
            keyOf={(token) => token.id}
            empty={null}
            actions={(token) => (
              <Button size="xs" variant="subtle" color="red" onClick={() => revoke(token)}>
                {t.machines.revoke}
              </Button>
            )}
          />
        </Section>
      )}
      <Ask question={question} onClose={() => ask(null)} />
    </>
  );
}
