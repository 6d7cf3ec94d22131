import { Button, Group, Stack, TagsInput, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { describeMachine } from "@/api/joining";
import { keys } from "@/api/keys";
import type { Agent } from "@/api/wire";
import { parseTags, tagTexts } from "@/model/permissions";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Section } from "@/ui/Section";

export function Describe({ machine }: { machine: Agent }) {
  const queries = useQueryClient();
  const [name, setName] = useState(machine.hostname);
  const [tags, setTags] = useState(() => tagTexts(machine.tags));
  const saving = useMutation({
    mutationFn: () =>
      describeMachine(machine.agent_id, { name: name.trim(), tags: parseTags(tags) }),
    onSuccess: async () => {
      notifications.show({ message: t.machines.saved, withBorder: true });
      await queries.invalidateQueries({ queryKey: keys.machines });
    },
  });
  return (
    <Section title={t.machines.describe}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          saving.mutate();
        }}
      >
        <Stack gap="sm">
          <TextInput
            label={t.machines.form.name}
            description={t.machines.form.nameHint}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="off"
          />
          <TagsInput
            label={t.machines.form.tags}
            description={t.machines.form.tagsHint}
            value={tags}
            onChange={setTags}
            splitChars={[","]}
          />
          {saving.error && <Failure error={saving.error} />}
          <Group>
            <Button type="submit" size="xs" loading={saving.isPending}>
              {t.machines.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
