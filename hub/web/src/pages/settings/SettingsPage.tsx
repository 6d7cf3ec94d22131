/** One's own account, and how the page looks in this browser. */
import { Anchor, Paper, Stack } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMachines } from "@/api/machines";
import { useMe } from "@/api/session";
import type { Me } from "@/api/wire";
import { t } from "@/strings";
import { Facts } from "@/ui/Facts";
import { Page } from "@/ui/Page";
import { limitsOf } from "@/ui/PermissionFields";
import { Section } from "@/ui/Section";
import { ChangePassword } from "./ChangePassword";
import { MyLogins } from "./MyLogins";
import { Passkeys } from "./Passkeys";
import { TerminalLooks } from "./TerminalLooks";
import { Theme } from "./Theme";
import { Totp } from "./Totp";

export function SettingsPage() {
  const me = useMe();
  return (
    <Page title={t.settings.title}>
      {me && (
        <Stack gap="xl" maw={760}>
          <Account me={me} />
          <Theme />
          <TerminalLooks />
          <ChangePassword />
          <Passkeys />
          <Totp me={me} />
          <MyLogins />
        </Stack>
      )}
    </Page>
  );
}

function Account({ me }: { me: Me }) {
  const machines = useMachines().data ?? [];
  const tokens = (
    <Anchor component={Link} to="/tokens" size="sm">
      {t.settings.tokenHint}
    </Anchor>
  );
  return (
    <Section title={t.settings.account} action={tokens}>
      <Paper px="md" py="xs">
        <Facts
          facts={[
            [t.settings.you, me.name],
            [t.permissions.role, t.permissions[me.role]],
            [
              t.permissions.terminals,
              me.terminals ? t.permissions.terminalsHint : t.permissions.noTerminals,
            ],
            [t.permissions.sees, limitsOf(me, machines)],
          ]}
        />
      </Paper>
    </Section>
  );
}
