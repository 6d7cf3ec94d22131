/** From the password to the first code that the app shows. */
import { Button, Center, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState } from "react";
import { beginTotp, confirmTotp } from "@/api/account";
import type { NewTotp } from "@/api/wire";
import { t } from "@/strings";
import { CopyText } from "@/ui/CopyText";
import { Failure } from "@/ui/Failure";
import { WithCode } from "./WithCode";

export function SetUpTotp({ onMade }: { onMade: (codes: readonly string[]) => Promise<void> }) {
  const [secret, setSecret] = useState<NewTotp | null>(null);
  if (!secret) return <Begin onBegun={setSecret} />;
  return (
    <Stack gap="md">
      <Text size="sm">{t.settings.totpScan}</Text>
      <Center>
        <QRCodeSVG value={secret.uri} size={188} marginSize={3} title={t.settings.totpQr} />
      </Center>
      <Group gap="xs" wrap="nowrap">
        <Text size="sm" c="dimmed">
          {t.settings.totpKey}
        </Text>
        <CopyText value={secret.secret} label={t.settings.totpKey} />
      </Group>
      <WithCode
        label={t.settings.totpCode}
        verb={t.settings.totpConfirm}
        run={async (code) => onMade(await confirmTotp(code))}
      />
    </Stack>
  );
}

function Begin({ onBegun }: { onBegun: (secret: NewTotp) => void }) {
  const [password, setPassword] = useState("");
  const beginning = useMutation({
    meta: { mayBeRefused: true },
    mutationFn: () => beginTotp(password),
    onSuccess: onBegun,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        beginning.mutate();
      }}
    >
      <Stack gap="md">
        <PasswordInput
          label={t.settings.totpPassword}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          data-autofocus
        />
        {beginning.error && <Failure error={beginning.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={beginning.isPending} disabled={password === ""}>
            {t.settings.totpNext}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
