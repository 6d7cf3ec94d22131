/** Hubs that were found, and the addresses that are looked at. */
import { Button, Checkbox, Code, Group, Modal, Pill, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { candidatesQuery, lookAt, lookNoLonger, trust } from "@/api/peers";
import { useMay } from "@/api/session";
import type { Candidate, Role } from "@/api/wire";
import { t } from "@/strings";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { Failure, tellFailure } from "@/ui/Failure";
import { RoleChoice } from "@/ui/RoleChoice";
import { Section } from "@/ui/Section";
import { State } from "@/ui/State";

const COLUMNS: Column<Candidate>[] = [
  {
    key: "name",
    title: t.peers.name,
    grows: true,
    cell: (hub) => <Lines first={hub.name} second={`${hub.url} · ${t.peers.source[hub.source]}`} />,
  },
  {
    key: "fingerprint",
    title: t.peers.fingerprint,
    wide: true,
    cell: (hub) => <Code fz="xs">{hub.fingerprint}</Code>,
  },
];

export function Candidates() {
  const found = useQuery(candidatesQuery);
  const mayManage = useMay("admin");
  const [asked, ask] = useState<Candidate | null>(null);
  return (
    <Section title={t.peers.found} lead={t.peers.foundLead} action={mayManage && <LookAt />}>
      <Stack gap="sm">
        <DataTable
          label={t.peers.found}
          rows={found.data?.candidates}
          error={found.error}
          onRetry={() => void found.refetch()}
          keyOf={(hub) => hub.id}
          columns={COLUMNS}
          empty={
            <Text size="sm" c="dimmed" p="md">
              {t.peers.noFound}
            </Text>
          }
          actions={(hub) =>
            hub.trusted ? (
              <State tone="good" label={t.peers.isTrusted} />
            ) : (
              mayManage && (
                <Button size="xs" variant="default" onClick={() => ask(hub)}>
                  {t.peers.trust}
                </Button>
              )
            )
          }
        />
        <LookedAt addresses={found.data?.static ?? []} mayManage={mayManage} />
      </Stack>
      <Modal
        opened={asked !== null}
        onClose={() => ask(null)}
        title={asked && t.peers.trustTitle(asked.name)}
      >
        {asked && <Trust hub={asked} onDone={() => ask(null)} />}
      </Modal>
    </Section>
  );
}

function Trust({ hub, onDone }: { hub: Candidate; onDone: () => void }) {
  const queries = useQueryClient();
  const [compared, setCompared] = useState(false);
  const [role, setRole] = useState<Role>("viewer");
  const trusting = useMutation({
    mutationFn: () => trust(hub.id, hub.fingerprint, role),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.peers });
      onDone();
    },
  });
  return (
    <Stack gap="md">
      <Text size="sm">{t.peers.trustText}</Text>
      <Code block style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
        {hub.fingerprint}
      </Code>
      <Checkbox
        label={t.peers.trustCompared}
        checked={compared}
        onChange={(event) => setCompared(event.currentTarget.checked)}
      />
      <RoleChoice label={t.peers.codeFor} value={role} onChange={setRole} />
      {trusting.error && <Failure error={trusting.error} />}
      <Group justify="flex-end">
        <Button disabled={!compared} loading={trusting.isPending} onClick={() => trusting.mutate()}>
          {t.peers.trust}
        </Button>
      </Group>
    </Stack>
  );
}

function LookAt() {
  const queries = useQueryClient();
  const [address, setAddress] = useState("");
  const looking = useMutation({
    mutationFn: () => lookAt(address.trim()),
    onSuccess: async () => {
      setAddress("");
      await queries.invalidateQueries({ queryKey: keys.candidates });
    },
    onError: (error) => tellFailure(error),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        looking.mutate();
      }}
    >
      <Group gap="xs" wrap="nowrap">
        <TextInput
          size="xs"
          aria-label={t.peers.lookAt}
          placeholder={t.peers.lookAt}
          value={address}
          onChange={(event) => setAddress(event.currentTarget.value)}
          spellCheck={false}
        />
        <Button
          type="submit"
          size="xs"
          variant="default"
          loading={looking.isPending}
          disabled={address.trim() === ""}
        >
          {t.peers.look}
        </Button>
      </Group>
    </form>
  );
}

function LookedAt(props: { addresses: readonly string[]; mayManage: boolean }) {
  const queries = useQueryClient();
  const forgetting = useMutation({
    mutationFn: lookNoLonger,
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.candidates }),
    onError: (error) => tellFailure(error),
  });
  if (props.addresses.length === 0) return null;
  return (
    <Group gap="xs">
      <Text size="xs" c="dimmed">
        {t.peers.looking}
      </Text>
      {props.addresses.map((address) => (
        <Pill
          key={address}
          withRemoveButton={props.mayManage}
          onRemove={() => forgetting.mutate(address)}
          removeButtonProps={{ "aria-label": t.peers.lookNoLonger(address) }}
        >
          {address}
        </Pill>
      ))}
    </Group>
  );
}
