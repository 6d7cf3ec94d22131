/** Which role. */
import { SegmentedControl, Stack, Text } from "@mantine/core";
import type { Role } from "@/api/wire";
import { ROLES } from "@/model/permissions";
import { t } from "@/strings";

export function RoleChoice(props: {
  label: string;
  value: Role;
  roles?: readonly Role[];
  onChange: (role: Role) => void;
}) {
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500}>
        {props.label}
      </Text>
      <SegmentedControl
        aria-label={props.label}
        value={props.value}
        data={(props.roles ?? ROLES).map((role) => ({ value: role, label: t.permissions[role] }))}
        onChange={props.onChange}
      />
      <Text size="xs" c="dimmed">
        {t.permissions.may[props.value]}
      </Text>
    </Stack>
  );
}
