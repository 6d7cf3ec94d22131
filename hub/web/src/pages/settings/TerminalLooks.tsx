import { Box, Paper } from "@mantine/core";
import { t } from "@/strings";
import { SettingsForm } from "@/terminal/SettingsForm";
import { Section } from "@/ui/Section";

export function TerminalLooks() {
  return (
    <Section title={t.terminalSettings.title} lead={t.settings.themeLead}>
      <Paper p="md">
        <Box maw={360}>
          <SettingsForm />
        </Box>
      </Paper>
    </Section>
  );
}
