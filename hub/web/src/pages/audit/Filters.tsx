/** What narrows the log down. */
import { Button, Group, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";
import { t } from "@/strings";
import { type AuditSearch, isNarrowed, OUTCOMES, PROOFS } from "./search";

/** The hub is asked at this distance from the typing. */
const TYPING_MS = 300;

export function Filters(props: {
  search: AuditSearch;
  onChange: (change: Partial<AuditSearch>) => void;
}) {
  const { search, onChange } = props;
  return (
    <Group gap="xs" align="flex-end">
      <Typed name="action" label={t.audit.action} {...props} />
      <Typed name="who" label={t.audit.who} {...props} />
      <Typed name="target" label={t.audit.target} {...props} />
      <Select
        w={140}
        aria-label={t.audit.outcome}
        placeholder={t.audit.anyOutcome}
        clearable
        data={OUTCOMES.map((value) => ({ value, label: t.audit.outcomes[value] }))}
        value={search.outcome ?? null}
        onChange={(outcome) => onChange({ outcome: outcome ?? undefined })}
      />
      <Select
        w={140}
        aria-label={t.audit.proof}
        placeholder={t.audit.anyProof}
        clearable
        data={PROOFS.map((value) => ({ value, label: t.audit.how[value] }))}
        value={search.how ?? null}
        onChange={(how) => onChange({ how: how ?? undefined })}
      />
      <When name="since" label={t.audit.since} {...props} />
      <When name="until" label={t.audit.until} {...props} />
      {isNarrowed(search) && (
        <Button
          variant="subtle"
          color="gray"
          onClick={() =>
            onChange(Object.fromEntries(Object.keys(search).map((key) => [key, undefined])))
          }
        >
          {t.audit.clear}
        </Button>
      )}
    </Group>
  );
}

interface Field {
  search: AuditSearch;
  label: string;
  onChange: (change: Partial<AuditSearch>) => void;
}

function Typed({ name, label, search, onChange }: Field & { name: "action" | "who" | "target" }) {
  const shown = search[name] ?? "";
  const [typed, setTyped] = useState(shown);
  const [known, setKnown] = useState(shown);
  if (shown !== known) {
    setKnown(shown);
    setTyped(shown); // the address was changed by something else
  }
  const tell = useDebouncedCallback((value: string) => {
    setKnown(value.trim());
    onChange({ [name]: value.trim() || undefined });
  }, TYPING_MS);
  return (
    <TextInput
      flex="1 1 110px"
      aria-label={label}
      placeholder={label}
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        tell(event.currentTarget.value);
      }}
    />
  );
}

/** A moment in the reader's zone; the address has it in UTC. */
function When({ name, label, search, onChange }: Field & { name: "since" | "until" }) {
  return (
    <TextInput
      type="datetime-local"
      w={190}
      aria-label={label}
      title={label}
      value={localOf(search[name])}
      onChange={(event) => {
        const given = event.currentTarget.value;
        onChange({ [name]: given === "" ? undefined : new Date(given).toISOString() });
      }}
    />
  );
}

function localOf(at: string | undefined): string {
  if (at === undefined) return "";
  const moment = new Date(at);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000)
    .toISOString()
    .slice(0, 16);
}
