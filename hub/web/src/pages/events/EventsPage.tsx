/** What changes in the fleet, as it happens. */
import { Button, Group, Select, TextInput } from "@mantine/core";
import {
  IconActivity,
  IconFilterOff,
  IconPlayerPause,
  IconPlayerPlay,
  IconSearch,
} from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useRecentEvents } from "@/api/recentEvents";
import type { Event } from "@/api/wire";
import { type Told, toldOf } from "@/model/told";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { type EventsSearch, KINDS, matching } from "./search";

const COLUMNS: Column<Told>[] = [
  { key: "at", title: t.events.when, cell: ({ event }) => <Age at={event.at} /> },
  {
    key: "what",
    title: t.events.what,
    grows: true,
    cell: ({ what, where, event }) => (
      <Lines first={what} second={where ? t.events.on(where) : t.events.kinds[event.kind]} />
    ),
  },
  { key: "change", title: t.events.change, cell: ({ change }) => change },
  {
    key: "kind",
    title: t.events.kind,
    wide: true,
    cell: ({ event }) => t.events.kinds[event.kind],
  },
];

export function EventsPage() {
  const search = useSearch({ from: "/inside/events" });
  const events = useRecentEvents();
  const [held, setHeld] = useState<readonly Event[] | null>(null);
  const all = held ?? events.data;
  const rows = useMemo(() => all && matching(all.map(toldOf), search), [all, search]);
  const missed = held ? (events.data?.findIndex((event) => event.id === held[0]?.id) ?? 0) : 0;
  return (
    <Page
      title={t.events.title}
      lead={missed > 0 ? t.events.paused(missed) : t.events.lead}
      actions={
        <Button
          variant="default"
          leftSection={held ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
          onClick={() => setHeld(held ? null : (events.data ?? null))}
        >
          {held ? t.events.resume : t.events.pause}
        </Button>
      }
    >
      <Filters search={search} />
      <DataTable
        label={t.events.title}
        rows={rows}
        error={events.error}
        onRetry={() => void events.refetch()}
        keyOf={({ event }) => event.id}
        columns={COLUMNS}
        empty={
          all?.length === 0 ? (
            <Nothing icon={IconActivity} title={t.events.emptyTitle}>
              {t.events.empty}
            </Nothing>
          ) : (
            <Nothing icon={IconFilterOff} title={t.events.noMatchTitle}>
              {t.events.noMatch}
            </Nothing>
          )
        }
      />
    </Page>
  );
}

function Filters({ search }: { search: EventsSearch }) {
  const navigate = useNavigate({ from: "/events" });
  const change = (news: Partial<EventsSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...news }), replace: true });
  return (
    <Group gap="xs">
      <TextInput
        flex="1 1 200px"
        maw={340}
        aria-label={t.events.search}
        placeholder={t.events.search}
        leftSection={<IconSearch size={16} stroke={1.6} />}
        value={search.q ?? ""}
        onChange={(event) => change({ q: event.currentTarget.value || undefined })}
      />
      <Select
        w={160}
        aria-label={t.events.kind}
        placeholder={t.events.anyKind}
        clearable
        data={KINDS.map((value) => ({ value, label: t.events.kinds[value] }))}
        value={search.kind ?? null}
        onChange={(kind) => change({ kind: KINDS.find((each) => each === kind) })}
      />
    </Group>
  );
}
