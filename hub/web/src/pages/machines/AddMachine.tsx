/** Makes the command with which a machine joins, and waits for it. */
import { Button, Group, NumberInput, Select, Stack, TagsInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { makeJoinToken } from "@/api/joining";
import { keys } from "@/api/keys";
import { machinesQuery } from "@/api/machines";
import type { IssuedJoinToken, NewJoinToken } from "@/api/wire";
import { parseTags } from "@/model/permissions";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { MakeAndShow } from "@/ui/MakeAndShow";
import { Awaiting } from "./Awaiting";

const HOUR_S = "3600";
const MOST_USES = 1000;

export interface Invitation {
  readonly token: IssuedJoinToken;
  /** Ids of the machines that there were before it. */
  readonly before: ReadonlySet<string>;
}

export function AddMachine(props: { opened: boolean; onClose: () => void }) {
  return (
    <MakeAndShow<Invitation>
      {...props}
      title={() => t.machines.add}
      size="lg"
      form={(onMade) => <Form onMade={onMade} />}
      shown={(made, onDone) => <Awaiting invitation={made} onDone={onDone} />}
    />
  );
}

/** Makes a token, and notes which machines there were. */
export function useInviting(onMade: (invitation: Invitation) => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (asked: NewJoinToken): Promise<Invitation> => {
      const machines = await queries.ensureQueryData(machinesQuery);
      const before = new Set(machines.map((machine) => machine.agent_id));
      return { token: await makeJoinToken(asked), before };
    },
    onSuccess: async (invitation) => {
      await queries.invalidateQueries({ queryKey: keys.joinTokens });
      onMade(invitation);
    },
  });
}

function Form({ onMade }: { onMade: (invitation: Invitation) => void }) {
  const [name, setName] = useState("");
  const [tags, setTags] = useState<string[]>([]);
  const [life, setLife] = useState(HOUR_S);
  const [uses, setUses] = useState(1);
  const inviting = useInviting(onMade);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        inviting.mutate({
          name: name.trim() || null,
          tags: parseTags(tags),
          expires_in_s: Number(life),
          uses,
        });
      }}
    >
      <Stack gap="md">
        <TextInput
          label={t.machines.form.name}
          description={t.machines.form.nameHint}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          autoComplete="off"
          data-autofocus
        />
        <TagsInput
          label={t.machines.form.tags}
          description={t.machines.form.tagsHint}
          placeholder={t.permissions.tagsExample}
          value={tags}
          onChange={setTags}
          splitChars={[","]}
        />
        <Group grow align="flex-start">
          <Select
            label={t.machines.form.life}
            data={Object.entries(t.machines.form.lives).map(([value, label]) => ({ value, label }))}
            value={life}
            allowDeselect={false}
            onChange={(value) => setLife(value ?? HOUR_S)}
          />
          <NumberInput
            label={t.machines.form.uses}
            min={1}
            max={MOST_USES}
            clampBehavior="strict"
            allowDecimal={false}
            value={uses}
            onChange={(value) => setUses(Number(value) || 1)}
          />
        </Group>
        {inviting.error && <Failure error={inviting.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={inviting.isPending}>
            {t.machines.form.make}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
