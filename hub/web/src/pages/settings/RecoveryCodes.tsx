import { Button, Group, Stack } from "@mantine/core";
import { t } from "@/strings";
import { Secret } from "@/ui/Secret";

export function RecoveryCodes(props: { codes: readonly string[]; onDone: () => void }) {
  return (
    <Stack gap="md">
      <Secret
        label={t.settings.recovery}
        value={props.codes.join("\n")}
        hint={`${t.settings.recoveryHint} ${t.secret.once}`}
      />
      <Group justify="flex-end">
        <Button onClick={props.onDone}>{t.secret.done}</Button>
      </Group>
    </Stack>
  );
}
