/** One's passkeys: made by this browser or a device beside it, and taken away. */
import { Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { hasPasskeys, passkeysQuery, removePasskey } from "@/api/passkeys";
import type { Passkey } from "@/api/wire";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Ask, type Question } from "@/ui/Ask";
import { type Column, DataTable } from "@/ui/DataTable";
import { Section } from "@/ui/Section";
import { AddPasskey } from "./AddPasskey";

const words = t.passkeys;

const COLUMNS: Column<Passkey>[] = [
  { key: "name", title: words.name, grows: true, cell: (passkey) => passkey.name },
  {
    key: "made",
    title: words.made,
    wide: true,
    cell: (passkey) => <Age at={passkey.created_at} />,
  },
  {
    key: "used",
    title: words.used,
    cell: ({ last_used_at: at }) => (at === null ? words.never : <Age at={at} />),
  },
];

export function Passkeys() {
  const passkeys = useQuery(passkeysQuery);
  const [adding, setAdding] = useState(false);
  const [question, ask] = useState<Question | null>(null);
  const possible = hasPasskeys();
  const remove = (passkey: Passkey) =>
    ask({
      title: words.removeTitle(passkey.name),
      text: words.removeText,
      verb: words.remove,
      loses: true,
      run: async () => {
        await removePasskey(passkey.id);
        await passkeys.refetch();
      },
    });
  return (
    <Section
      title={words.title}
      lead={words.lead}
      action={
        possible && (
          <Button size="xs" onClick={() => setAdding(true)}>
            {words.add}
          </Button>
        )
      }
    >
      <DataTable
        label={words.title}
        rows={passkeys.data}
        error={passkeys.error}
        onRetry={() => void passkeys.refetch()}
        keyOf={(passkey) => passkey.id}
        columns={COLUMNS}
        empty={
          <Text size="sm" c="dimmed" p="md">
            {possible ? words.none : words.impossible}
          </Text>
        }
        actions={(passkey) => (
          <Button size="xs" variant="subtle" color="red" onClick={() => remove(passkey)}>
            {words.remove}
          </Button>
        )}
      />
      <AddPasskey opened={adding} onClose={() => setAdding(false)} />
      <Ask question={question} onClose={() => ask(null)} />
    </Section>
  );
}
