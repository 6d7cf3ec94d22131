/** What a machine proves itself with, and how it gets another. */
import { Button, Group, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { machineKeysQuery, revokeMachineKey } from "@/api/joining";
import { keys } from "@/api/keys";
import type { Agent, MachineKey } from "@/api/wire";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Ask, type Question } from "@/ui/Ask";
import { type Column, DataTable } from "@/ui/DataTable";
import { Failure } from "@/ui/Failure";
import { MakeAndShow } from "@/ui/MakeAndShow";
import { Section } from "@/ui/Section";
import { type Invitation, useInviting } from "./AddMachine";
import { Awaiting } from "./Awaiting";

const COLUMNS: Column<MachineKey>[] = [
  { key: "name", title: t.machines.form.name, grows: true, cell: (key) => key.name },
  {
    key: "used",
    title: t.tokens.lastUsed,
    cell: (key) => (key.last_used_at === null ? t.tokens.notYet : <Age at={key.last_used_at} />),
  },
];

export function Keys({ machine }: { machine: Agent }) {
  const found = useQuery(machineKeysQuery);
  const queries = useQueryClient();
  const [question, ask] = useState<Question | null>(null);
  const [rotating, setRotating] = useState(false);
  const revoke = (key: MachineKey) =>
    ask({
      title: t.machines.revokeKeyTitle(key.name),
      text: t.machines.revokeKeyText,
      verb: t.machines.revokeKey,
      loses: true,
      run: async () => {
        await revokeMachineKey(key.id);
        await queries.invalidateQueries({ queryKey: keys.machineKeys });
      },
    });
  return (
    <Section
      title={t.machines.keys}
      lead={t.machines.keysLead}
      action={
        <Button size="xs" variant="default" onClick={() => setRotating(true)}>
          {t.machines.rotate}
        </Button>
      }
    >
      <DataTable
        label={t.machines.keys}
        rows={found.data?.filter((key) => key.agent_id === machine.agent_id)}
        error={found.error}
        onRetry={() => void found.refetch()}
        columns={COLUMNS}
        keyOf={(key) => key.id}
        empty={
          <Text size="sm" c="dimmed" p="md">
            {t.machines.noKeys}
          </Text>
        }
        actions={(key) => (
          <Button size="xs" variant="subtle" color="red" onClick={() => revoke(key)}>
            {t.machines.revokeKey}
          </Button>
        )}
      />
      <Rotate machine={machine} opened={rotating} onClose={() => setRotating(false)} />
      <Ask question={question} onClose={() => ask(null)} />
    </Section>
  );
}

function Rotate(props: { machine: Agent; opened: boolean; onClose: () => void }) {
  const { machine, ...dialog } = props;
  return (
    <MakeAndShow<Invitation>
      {...dialog}
      title={() => t.machines.rotateTitle(machine.hostname)}
      size="lg"
      form={(onMade) => <RotateForm machine={machine} onMade={onMade} />}
      shown={(made, onDone) => <Awaiting invitation={made} onDone={onDone} />}
    />
  );
}

function RotateForm(props: { machine: Agent; onMade: (invitation: Invitation) => void }) {
  const inviting = useInviting(props.onMade);
  return (
    <Stack gap="md">
      <Text size="sm">{t.machines.rotateText}</Text>
      {inviting.error && <Failure error={inviting.error} />}
      <Group justify="flex-end">
        <Button
          loading={inviting.isPending}
          onClick={() => inviting.mutate({ agent_id: props.machine.agent_id })}
        >
          {t.machines.form.make}
        </Button>
      </Group>
    </Stack>
  );
}
