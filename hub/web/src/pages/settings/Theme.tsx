import { Paper, SegmentedControl, useMantineColorScheme } from "@mantine/core";
import { t } from "@/strings";
import { Section } from "@/ui/Section";

export function Theme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title={t.settings.theme} lead={t.settings.themeLead}>
      <Paper p="md">
        <SegmentedControl
          aria-label={t.theme.label}
          value={colorScheme}
          onChange={setColorScheme}
          data={[
            { value: "light", label: t.theme.light },
            { value: "dark", label: t.theme.dark },
            { value: "auto", label: t.theme.auto },
          ]}
        />
      </Paper>
    </Section>
  );
}
