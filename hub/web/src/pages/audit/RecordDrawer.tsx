/** All that one record says. */
import { Anchor, Code, Drawer, Stack } from "@mantine/core";
import type { AuditRecord } from "@/api/wire";
import { moment } from "@/format";
import { t } from "@/strings";
import { sentenceOf } from "@/strings/audit";
import { CopyText } from "@/ui/CopyText";
import { Facts } from "@/ui/Facts";
import { OutcomeMark, proofOf } from "./columns";
import type { AuditSearch } from "./search";

interface Filtering {
  onFilter: (change: Partial<AuditSearch>) => void;
}

export function RecordDrawer(
  props: Filtering & { record: AuditRecord | null; onClose: () => void },
) {
  const { record, onClose } = props;
  return (
    <Drawer opened={record !== null} onClose={onClose} title={record && t.audit.record(record.id)}>
      {record && (
        <Content
          record={record}
          onFilter={(change) => {
            props.onFilter(change);
            onClose();
          }}
        />
      )}
    </Drawer>
  );
}

function Content({ record, onFilter }: Filtering & { record: AuditRecord }) {
  const narrowing = (value: string | null, change: Partial<AuditSearch>) =>
    value ? (
      <Anchor component="button" type="button" size="sm" onClick={() => onFilter(change)}>
        {value}
      </Anchor>
    ) : null;
  return (
    <Stack gap="md">
      <Facts
        facts={[
          [t.audit.when, moment(record.at)],
          [t.audit.who, record.who ? narrowing(record.who, { who: record.who }) : t.audit.stranger],
          [t.audit.proof, proofOf(record)],
          [t.audit.from, record.address],
          [t.audit.action, sentenceOf(record.action)],
          [t.audit.asked, narrowing(record.action, { action: record.action })],
          [t.audit.target, narrowing(record.target, { target: record.target ?? undefined })],
          [t.audit.machine, narrowing(record.agent_id, { agent_id: record.agent_id ?? undefined })],
          [t.audit.outcome, <OutcomeMark key="outcome" outcome={record.outcome} />],
          [t.audit.status, [record.status, record.code].filter(Boolean).join(" · ") || null],
          [
            t.audit.request,
            record.request_id && <CopyText key="request" value={record.request_id} />,
          ],
          [t.audit.hash, <CopyText key="hash" value={record.hash} />],
          [t.audit.previous, <CopyText key="previous" value={record.previous} />],
        ]}
      />
      {Object.keys(record.details).length > 0 && (
        <Code block aria-label={t.audit.details}>
          {JSON.stringify(record.details, null, 2)}
        </Code>
      )}
    </Stack>
  );
}
