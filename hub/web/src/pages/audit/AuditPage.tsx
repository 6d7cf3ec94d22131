/** Who did what, from where, and how it came out. */
import { Button, Center, Tooltip } from "@mantine/core";
import { IconDownload, IconFilterOff, IconHistory } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { auditExportUrl, auditQuery } from "@/api/audit";
import type { AuditRecord } from "@/api/wire";
import { t } from "@/strings";
import { DataTable } from "@/ui/DataTable";
import { Nothing } from "@/ui/Nothing";
import { Page } from "@/ui/Page";
import { columnsOf } from "./columns";
import { Filters } from "./Filters";
import { RecordDrawer } from "./RecordDrawer";
import { type AuditSearch, isNarrowed } from "./search";

export function AuditPage() {
  const search = useSearch({ from: "/inside/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const log = useInfiniteQuery(auditQuery(search));
  const [open, setOpen] = useState<AuditRecord | null>(null);
  const change = (news: Partial<AuditSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...news }), replace: true });
  return (
    <Page title={t.audit.title} lead={t.audit.lead} actions={<Export search={search} />}>
      <Filters search={search} onChange={change} />
      <DataTable
        label={t.audit.title}
        rows={log.data?.pages.flatMap((page) => page.records)}
        error={log.error}
        onRetry={() => void log.refetch()}
        keyOf={(record) => record.id}
        columns={columnsOf(setOpen)}
        onOpen={setOpen}
        empty={
          isNarrowed(search) ? (
            <Nothing icon={IconFilterOff} title={t.audit.noMatchTitle}>
              {t.audit.noMatch}
            </Nothing>
          ) : (
            <Nothing icon={IconHistory} title={t.audit.emptyTitle}>
              {t.audit.empty}
            </Nothing>
          )
        }
      />
      {log.hasNextPage && (
        <Center>
          <Button
            variant="default"
            loading={log.isFetchingNextPage}
            onClick={() => void log.fetchNextPage()}
          >
            {t.audit.more}
          </Button>
        </Center>
      )}
      <RecordDrawer record={open} onClose={() => setOpen(null)} onFilter={change} />
    </Page>
  );
}

function Export({ search }: { search: AuditSearch }) {
  return (
    <Tooltip label={t.audit.exportHint}>
      <Button
        component="a"
        href={auditExportUrl(search)}
        download="audit.jsonl"
        variant="default"
        leftSection={<IconDownload size={16} stroke={1.6} />}
      >
        {t.audit.export}
      </Button>
    </Tooltip>
  );
}
