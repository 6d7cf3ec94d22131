/** How terminals look and behave in this browser. */
import { NumberInput, SegmentedControl, Select, Stack, Switch, Text } from "@mantine/core";
import { t } from "@/strings";
import type { PaletteName } from "./palettes";
import {
  type CursorStyle,
  FONT_SIZE,
  type FontName,
  SCROLLBACK,
  useTerminalSettings,
} from "./settings";

const words = t.terminalSettings;

export function SettingsForm() {
  const [settings, change] = useTerminalSettings();
  const within = ({ least, most }: { least: number; most: number }, value: string | number) =>
    typeof value === "number" && value >= least && value <= most ? Math.round(value) : null;
  return (
    <Stack gap="sm">
      <Select
        label={words.palette}
        data={choices(words.palettes)}
        value={settings.palette}
        allowDeselect={false}
        onChange={(palette) => palette !== null && change({ palette: palette as PaletteName })}
      />
      <Select
        label={words.font}
        data={choices(words.fonts)}
        value={settings.font}
        allowDeselect={false}
        onChange={(font) => font !== null && change({ font: font as FontName })}
      />
      <NumberInput
        label={words.fontSize}
        min={FONT_SIZE.least}
        max={FONT_SIZE.most}
        allowDecimal={false}
        value={settings.fontSize}
        onChange={(value) => {
          const fontSize = within(FONT_SIZE, value);
          if (fontSize !== null) change({ fontSize });
        }}
      />
      <NumberInput
        label={words.scrollback}
        min={SCROLLBACK.least}
        max={SCROLLBACK.most}
        step={1000}
        allowDecimal={false}
        thousandSeparator=" "
        value={settings.scrollback}
        onChange={(value) => {
          const scrollback = within(SCROLLBACK, value);
          if (scrollback !== null) change({ scrollback });
        }}
      />
      <Stack gap={4}>
        <Text size="sm" fw={500} id="cursor-style">
          {words.cursor}
        </Text>
        <SegmentedControl
          size="xs"
          fullWidth
          aria-labelledby="cursor-style"
          data={choices(words.cursors)}
          value={settings.cursor}
          onChange={(cursor) => change({ cursor: cursor as CursorStyle })}
        />
      </Stack>
      {(["blinks", "copiesSelection", "screenReader"] as const).map((name) => (
        <Switch
          key={name}
          size="sm"
          label={words[name]}
          checked={settings[name]}
          onChange={({ currentTarget }) => change({ [name]: currentTarget.checked })}
        />
      ))}
    </Stack>
  );
}

function choices(names: Readonly<Record<string, string>>) {
  return Object.entries(names).map(([value, label]) => ({ value, label }));
}
