import { ActionIcon, Divider, Kbd, Popover, Stack, Table, Text, Tooltip } from "@mantine/core";
import { IconAdjustmentsHorizontal } from "@tabler/icons-react";
import { t } from "@/strings";
import { SettingsForm } from "@/terminal/SettingsForm";

export function SettingsButton() {
  return (
    <Popover position="bottom-end" shadow="md" width={300} trapFocus>
      <Popover.Target>
        <Tooltip label={t.terminalSettings.title}>
          <ActionIcon size={30} aria-label={t.terminalSettings.title}>
            <IconAdjustmentsHorizontal size={17} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown p="md" mah="80dvh" style={{ overflowY: "auto" }}>
        <Stack gap="md">
          <SettingsForm />
          <Divider />
          <Text size="xs" fw={500}>
            {t.terminalSettings.keys}
          </Text>
          <Table withRowBorders={false} verticalSpacing={2} horizontalSpacing={0} fz="xs">
            <Table.Tbody>
              {t.terminalSettings.shortcuts.map(([keys, what]) => (
                <Table.Tr key={keys}>
                  <Table.Td>
                    <Kbd size="xs">{keys}</Kbd>
                  </Table.Td>
                  <Table.Td ta="right">{what}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
