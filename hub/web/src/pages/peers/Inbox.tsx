/** What other hubs have sent that this one does not answer by itself. */
import { Code, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { inboxQuery } from "@/api/peers";
import type { InboxMessage } from "@/api/wire";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { Section } from "@/ui/Section";

const COLUMNS: Column<InboxMessage>[] = [
  {
    key: "from",
    title: t.peers.from,
    cell: (message) => <Lines first={message.peer_name} second={message.message_type} />,
  },
  {
    key: "data",
    title: t.peers.message,
    grows: true,
    cell: (message) => (
      <Code fz="xs" style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
        {JSON.stringify(message.data)}
      </Code>
    ),
  },
  { key: "at", title: t.peers.received, cell: (message) => <Age at={message.received_at} /> },
];

export function Inbox() {
  const inbox = useQuery(inboxQuery);
  return (
    <Section title={t.peers.inbox} lead={t.peers.inboxLead}>
      <DataTable
        label={t.peers.inbox}
        rows={inbox.data}
        error={inbox.error}
        onRetry={() => void inbox.refetch()}
        keyOf={(message) => message.id}
        columns={COLUMNS}
        empty={
          <Text size="sm" c="dimmed" p="md">
            {t.peers.noMessages}
          </Text>
        }
      />
    </Section>
  );
}
