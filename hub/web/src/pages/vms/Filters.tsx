/** What narrows the table down. */
import { ActionIcon, Button, Checkbox, Group, Menu, Select, TextInput } from "@mantine/core";
import { IconColumns3, IconFilter, IconSearch, IconX } from "@tabler/icons-react";
import type { Agent, VmState } from "@/api/wire";
import { VM_STATES } from "@/model/vmState";
import { t } from "@/strings";
import { VmStateMark } from "@/ui/State";
import { tagsOf } from "./rows";
import { COLUMNS, USUAL, type VmsSearch } from "./search";

export function Filters(props: {
  search: VmsSearch;
  query: string;
  machines: readonly Agent[];
  onQuery: (query: string) => void;
  onChange: (change: Partial<VmsSearch>) => void;
}) {
  const { search, machines, query, onChange, onQuery } = props;
  const tags = [...new Set(machines.flatMap(tagsOf))].sort();
  const narrowed = Boolean(query || search.state || search.machine || search.tag);
  return (
    <Group gap="xs">
      <TextInput
        flex="1 1 220px"
        maw={380}
        size="sm"
        value={query}
        onChange={(event) => onQuery(event.currentTarget.value)}
        placeholder={t.vms.search}
        aria-label={t.vms.search}
        leftSection={<IconSearch size={16} stroke={1.6} />}
        rightSection={
          query && (
            <ActionIcon size="sm" aria-label={t.vms.clear} onClick={() => onQuery("")}>
              <IconX size={14} />
            </ActionIcon>
          )
        }
      />
      <StateFilter chosen={search.state ?? []} onChange={(state) => onChange({ state })} />
      {machines.length > 1 && (
        <Select
          w={160}
          aria-label={t.vms.machine}
          placeholder={t.vms.machine}
          clearable
          searchable
          data={machines.map((machine) => ({ value: machine.agent_id, label: machine.hostname }))}
          value={search.machine ?? null}
          onChange={(machine) => onChange({ machine: machine ?? undefined })}
        />
      )}
      {tags.length > 0 && (
        <Select
          w={150}
          aria-label={t.vms.tag}
          placeholder={t.vms.tag}
          clearable
          searchable
          data={tags}
          value={search.tag ?? null}
          onChange={(tag) => onChange({ tag: tag ?? undefined })}
        />
      )}
      {narrowed && (
        <Button
          variant="subtle"
          color="gray"
          size="xs"
          onClick={() => {
            onQuery("");
            onChange({ q: undefined, state: undefined, machine: undefined, tag: undefined });
          }}
        >
          {t.vms.clear}
        </Button>
      )}
      <Columns search={search} onChange={onChange} />
    </Group>
  );
}

function StateFilter(props: {
  chosen: readonly VmState[];
  onChange: (states: readonly VmState[] | undefined) => void;
}) {
  const { chosen, onChange } = props;
  const toggle = (state: VmState) => {
    const next = VM_STATES.filter((each) => (each === state) !== chosen.includes(each));
    onChange(next.length > 0 ? next : undefined);
  };
  return (
    <Menu closeOnItemClick={false}>
      <Menu.Target>
        <Button
          variant="default"
          fw={400}
          leftSection={<IconFilter size={15} stroke={1.6} />}
          c={chosen.length > 0 ? undefined : "dimmed"}
        >
          {chosen.length === 0 ? t.vms.states : chosen.join(", ")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {VM_STATES.map((state) => (
          <Menu.CheckboxItem
            key={state}
            checked={chosen.includes(state)}
            onChange={() => toggle(state)}
          >
            <VmStateMark state={state} />
          </Menu.CheckboxItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Columns(props: { search: VmsSearch; onChange: (change: Partial<VmsSearch>) => void }) {
  const shown = props.search.columns ?? USUAL;
  return (
    <Menu closeOnItemClick={false}>
      <Menu.Target>
        <ActionIcon
          variant="default"
          size={34}
          aria-label={t.vms.columnsMenu}
          ml="auto"
          visibleFrom="sm"
        >
          <IconColumns3 size={17} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown p="sm">
        {COLUMNS.map((column) => (
          <Checkbox
            key={column}
            size="xs"
            py={4}
            label={t.vms.columns[column]}
            disabled={column === "name"}
            checked={shown.includes(column)}
            onChange={() =>
              props.onChange({
                columns: COLUMNS.filter((each) => (each === column) !== shown.includes(each)),
              })
            }
          />
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
