/** What an account or a token may do and see. */
import { Checkbox, MultiSelect, Stack, TagsInput } from "@mantine/core";
import type { Agent, Role } from "@/api/wire";
import { type Permissions, withRole } from "@/model/permissions";
import { t } from "@/strings";
import { RoleChoice } from "./RoleChoice";

export function PermissionFields(props: {
  value: Permissions;
  machines: readonly Agent[];
  /** No more than somebody has who gives it. */
  roles?: readonly Role[];
  onChange: (value: Permissions) => void;
}) {
  const { value, onChange, machines } = props;
  return (
    <Stack gap="md">
      <RoleChoice
        label={t.permissions.role}
        value={value.role}
        roles={props.roles}
        onChange={(role) => onChange(withRole(value, role))}
      />
      <Checkbox
        label={t.permissions.terminals}
        description={t.permissions.terminalsHint}
        checked={value.terminals}
        onChange={(event) => onChange({ ...value, terminals: event.currentTarget.checked })}
      />
      {value.role !== "admin" && (
        <>
          <MultiSelect
            label={t.permissions.machines}
            description={t.permissions.machinesHint}
            placeholder={value.agents.length === 0 ? t.permissions.all : undefined}
            data={machines.map((one) => ({ value: one.agent_id, label: one.hostname }))}
            value={[...value.agents]}
            onChange={(agents) => onChange({ ...value, agents })}
            searchable
            clearable
          />
          <TagsInput
            label={t.permissions.tags}
            description={t.permissions.tagsHint}
            placeholder={t.permissions.tagsExample}
            value={[...value.tags]}
            onChange={(tags) => onChange({ ...value, tags })}
            splitChars={[","]}
          />
        </>
      )}
    </Stack>
  );
}

/** What somebody or something may see, in words. */
export function limitsOf(
  held: { agents: readonly string[] | null; tags: Readonly<Record<string, string>> },
  machines: readonly Agent[],
): string {
  const nameOf = (id: string) => machines.find((one) => one.agent_id === id)?.hostname ?? id;
  const agents = held.agents?.map(nameOf).join(", ");
  const tags = Object.entries(held.tags).map(([key, value]) => (value ? `${key}=${value}` : key));
  return [agents, ...tags].filter(Boolean).join(" · ") || t.permissions.all;
}
