import { Text, UnstyledButton } from "@mantine/core";
import type { AuditOutcome, AuditRecord } from "@/api/wire";
import type { Tone } from "@/model/vmState";
import { t } from "@/strings";
import { sentenceOf } from "@/strings/audit";
import { Age } from "@/ui/Age";
import { type Column, Lines } from "@/ui/DataTable";
import { State } from "@/ui/State";
import type { Proof } from "./search";

const TONES: Record<AuditOutcome, Tone> = { done: "good", refused: "warn", failed: "bad" };

export function columnsOf(onOpen: (record: AuditRecord) => void): Column<AuditRecord>[] {
  return [
    { key: "at", title: t.audit.when, cell: (record) => <Age at={record.at} /> },
    {
      key: "who",
      title: t.audit.who,
      cell: (record) => <Lines first={record.who || t.audit.stranger} second={proofOf(record)} />,
    },
    {
      key: "action",
      title: t.audit.action,
      grows: true,
      cell: (record) => (
        <UnstyledButton
          onClick={(event) => {
            event.stopPropagation();
            onOpen(record);
          }}
        >
          <Lines first={sentenceOf(record.action)} second={record.target ?? ""} />
        </UnstyledButton>
      ),
    },
    {
      key: "outcome",
      title: t.audit.outcome,
      cell: ({ outcome }) => <OutcomeMark outcome={outcome} />,
    },
    {
      key: "from",
      title: t.audit.from,
      wide: true,
      cell: ({ address }) => (
        <Text size="sm" c="dimmed">
          {address ?? "–"}
        </Text>
      ),
    },
  ];
}

export function OutcomeMark({ outcome }: { outcome: AuditOutcome }) {
  return <State tone={TONES[outcome]} label={t.audit.outcomes[outcome]} />;
}

export function proofOf({ how }: AuditRecord): string {
  return how === "" ? "–" : t.audit.how[how satisfies Proof];
}
