/** One's authenticator app and recovery codes. */
import { Button, Group, Modal, Paper, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { removeTotp, renewRecoveryCodes } from "@/api/account";
import { keys } from "@/api/keys";
import type { Me } from "@/api/wire";
import { t } from "@/strings";
import { Section } from "@/ui/Section";
import { State } from "@/ui/State";
import { WithCode } from "./WithCode";
import { RecoveryCodes } from "./RecoveryCodes";
import { SetUpTotp } from "./SetUpTotp";

type Dialog = "begin" | "renew" | "remove";
const TITLES: Record<Dialog, string> = {
  begin: t.settings.totp,
  renew: t.settings.recoveryNew,
  remove: t.settings.totpRemove,
};

export function Totp({ me }: { me: Me }) {
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const close = () => setDialog(null);
  return (
    <Section title={t.settings.totp} lead={t.settings.totpLead}>
      <Paper p="md">
        <Group gap="sm">
          <State
            tone={me.totp ? "good" : "idle"}
            label={me.totp ? t.settings.totpOn : t.settings.totpOff}
          />
          {me.totp && (
            <Text size="sm" c={me.recovery_codes < 3 ? "orange" : "dimmed"}>
              {t.settings.recoveryLeft(me.recovery_codes)}
            </Text>
          )}
          <Group gap="xs" ml="auto">
            {me.totp ? (
              <>
                <Button size="xs" variant="default" onClick={() => setDialog("renew")}>
                  {t.settings.recoveryNew}
                </Button>
                <Button size="xs" variant="light" color="red" onClick={() => setDialog("remove")}>
                  {t.settings.totpRemove}
                </Button>
              </>
            ) : (
              <Button size="xs" onClick={() => setDialog("begin")}>
                {t.settings.totpBegin}
              </Button>
            )}
          </Group>
        </Group>
      </Paper>
      <Modal
        opened={dialog !== null}
        onClose={close}
        closeOnClickOutside={false}
        title={dialog && TITLES[dialog]}
      >
        {dialog && <Content dialog={dialog} onDone={close} />}
      </Modal>
    </Section>
  );
}

function Content({ dialog, onDone }: { dialog: Dialog; onDone: () => void }) {
  const queries = useQueryClient();
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const show = async (made: readonly string[]) => {
    setCodes(made);
    await queries.invalidateQueries({ queryKey: keys.session });
  };
  if (codes) return <RecoveryCodes codes={codes} onDone={onDone} />;
  switch (dialog) {
    case "begin":
      return <SetUpTotp onMade={show} />;
    case "renew":
      return (
        <WithCode
          text={t.settings.recoveryNewText}
          verb={t.settings.recoveryNew}
          run={async (code) => show(await renewRecoveryCodes(code))}
        />
      );
    case "remove":
      return (
        <WithCode
          text={t.settings.totpRemoveText}
          verb={t.settings.totpRemove}
          loses
          run={async (code) => {
            await removeTotp(code);
            await queries.invalidateQueries({ queryKey: keys.session });
            onDone();
          }}
        />
      );
  }
}
