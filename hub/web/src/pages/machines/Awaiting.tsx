/** The command to paste, and whether the machine has come. */
import { Alert, Button, Group, Loader, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconHourglass } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { joinTokensQuery } from "@/api/joining";
import { useMachines } from "@/api/machines";
import { t } from "@/strings";
import { LinkButton } from "@/ui/LinkButton";
import { Secret } from "@/ui/Secret";
import type { Invitation } from "./AddMachine";
import { type Progress, progressOf } from "./progress";
import { Approve } from "./WaitingRoom";

export function Awaiting(props: { invitation: Invitation; onDone: () => void }) {
  const { token, before } = props.invitation;
  const machines = useMachines().data ?? [];
  const tokens = useQuery(joinTokensQuery);
  const now = tokens.data ? tokens.data.find((each) => each.id === token.id) : token;
  const progress = progressOf(before, machines, now);
  return (
    <Stack gap="md">
      {token.advice && (
        <Alert color="orange" icon={<IconAlertTriangle size={18} />}>
          {token.advice}
        </Alert>
      )}
      <Secret
        label={t.machines.pasteOn}
        value={token.command}
        hint={`${t.machines.pasteHint} ${t.secret.once}`}
      />
      <div role="status">
        <Step progress={progress} />
      </div>
      <Group justify="flex-end">
        <Button variant={progress.step === "here" ? "filled" : "default"} onClick={props.onDone}>
          {progress.step === "here" ? t.secret.done : t.actions.close}
        </Button>
      </Group>
    </Stack>
  );
}

function Step({ progress }: { progress: Progress }) {
  switch (progress.step) {
    case "awaited":
    case "joined":
      return (
        <Group gap="sm">
          <Loader size="xs" />
          <Text size="sm">{t.machines[progress.step]}</Text>
        </Group>
      );
    case "ended":
      return (
        <Alert color="orange" icon={<IconAlertTriangle size={18} />}>
          {t.machines.ended}
        </Alert>
      );
    case "approval":
      return (
        <Alert
          color="orange"
          icon={<IconHourglass size={18} />}
          title={t.machines.approval(progress.machine.hostname)}
        >
          <Approve machine={progress.machine} />
        </Alert>
      );
    case "here":
      return (
        <Alert
          color="teal"
          icon={<IconCircleCheck size={18} />}
          title={t.machines.here(progress.machine.hostname)}
        >
          <Stack gap="xs" align="flex-start">
            <Text size="sm">{t.machines.hereNext}</Text>
            <LinkButton
              to="/create"
              search={{ machine: progress.machine.agent_id }}
              size="xs"
              variant="default"
            >
              {t.machines.createVm}
            </LinkButton>
          </Stack>
        </Alert>
      );
  }
}
