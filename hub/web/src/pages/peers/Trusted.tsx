/** The hubs that are trusted, and what they may do here. */
import { ActionIcon, Button, Group, Menu, Modal, Stack, Text } from "@mantine/core";
import { IconDots, IconTopologyStar3 } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { changePeer, peersQuery, removePeer } from "@/api/peers";
import { useMay } from "@/api/session";
import type { Peer, Role } from "@/api/wire";
import { t } from "@/strings";
import { Age } from "@/ui/Age";
import { Ask, type Question } from "@/ui/Ask";
import { type Column, DataTable, Lines } from "@/ui/DataTable";
import { Failure } from "@/ui/Failure";
import { Nothing } from "@/ui/Nothing";
import { RoleChoice } from "@/ui/RoleChoice";
import { Section } from "@/ui/Section";
import { State } from "@/ui/State";
import { RemoteVms } from "./RemoteVms";

const COLUMNS: Column<Peer>[] = [
  {
    key: "name",
    title: t.peers.name,
    grows: true,
    cell: (peer) => <Lines first={peer.name} second={peer.url || peer.address} />,
  },
  {
    key: "status",
    title: t.peers.status,
    cell: ({ status }) => (
      <State
        tone={status === "online" ? "good" : "bad"}
        label={status === "online" ? t.state.online : t.state.offline}
      />
    ),
  },
  {
    key: "role",
    title: t.peers.role,
    wide: true,
    cell: ({ role }) => (role === null ? "–" : t.permissions[role]),
  },
  {
    key: "seen",
    title: t.peers.seen,
    wide: true,
    cell: ({ last_seen: at }) =>
      at === null ? (
        <Text size="sm" c="dimmed">
          {t.peers.never}
        </Text>
      ) : (
        <Age at={at} />
      ),
  },
];

export function Trusted() {
  const peers = useQuery(peersQuery);
  const mayManage = useMay("admin");
  const [shown, show] = useState<Peer | null>(null);
  const [changed, change] = useState<Peer | null>(null);
  const [question, ask] = useState<Question | null>(null);
  return (
    <Section title={t.peers.trusted}>
      <DataTable
        label={t.peers.trusted}
        rows={peers.data}
        error={peers.error}
        onRetry={() => void peers.refetch()}
        keyOf={(peer) => peer.id}
        columns={COLUMNS}
        empty={
          <Nothing icon={IconTopologyStar3} title={t.peers.noneTitle}>
            {t.peers.none}
          </Nothing>
        }
        actions={(peer) => (
          <Group gap={4} wrap="nowrap" justify="flex-end">
            <Button
              size="xs"
              variant="default"
              aria-label={t.peers.vmsOf(peer.name)}
              onClick={() => show(peer)}
            >
              {t.peers.showVms}
            </Button>
            {mayManage && <Actions peer={peer} onChange={change} onAsk={ask} />}
          </Group>
        )}
      />
      <RemoteVms peer={shown} onClose={() => show(null)} />
      <ChangeRole peer={changed} onClose={() => change(null)} />
      <Ask question={question} onClose={() => ask(null)} />
    </Section>
  );
}

function Actions(props: {
  peer: Peer;
  onChange: (peer: Peer) => void;
  onAsk: (question: Question) => void;
}) {
  const { peer } = props;
  const queries = useQueryClient();
  const remove = () =>
    props.onAsk({
      title: t.peers.removeTitle(peer.name),
      text: t.peers.removeText,
      verb: t.peers.remove,
      loses: true,
      run: async () => {
        await removePeer(peer.id);
        await queries.invalidateQueries({ queryKey: keys.peers });
      },
    });
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon aria-label={t.peers.menu(peer.name)}>
          <IconDots size={16} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => props.onChange(peer)}>{t.peers.role}</Menu.Item>
        <Menu.Item color="red" onClick={remove}>
          {t.peers.remove}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function ChangeRole({ peer, onClose }: { peer: Peer | null; onClose: () => void }) {
  return (
    <Modal opened={peer !== null} onClose={onClose} title={peer && t.peers.change(peer.name)}>
      {peer && <RoleForm peer={peer} onDone={onClose} />}
    </Modal>
  );
}

function RoleForm({ peer, onDone }: { peer: Peer; onDone: () => void }) {
  const queries = useQueryClient();
  const [role, setRole] = useState<Role>(peer.role ?? "viewer");
  const saving = useMutation({
    mutationFn: () => changePeer(peer.id, role),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.peers });
      onDone();
    },
  });
  return (
    <Stack gap="md">
      <RoleChoice label={t.peers.role} value={role} onChange={setRole} />
      {saving.error && <Failure error={saving.error} />}
      <Group justify="flex-end">
        <Button loading={saving.isPending} onClick={() => saving.mutate()}>
          {t.users.save}
        </Button>
      </Group>
    </Stack>
  );
}
