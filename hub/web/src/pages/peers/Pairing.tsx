/** Two hubs come to trust each other: one makes a code, the other's administrator types it. */
import { Button, Group, Modal, Stack, Tabs, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconLink } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { makePairingCode, pair } from "@/api/peers";
import type { LocalPeer, Role } from "@/api/wire";
import { clock } from "@/format";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { RoleChoice } from "@/ui/RoleChoice";
import { Secret } from "@/ui/Secret";

export function Pairing({ hub }: { hub: LocalPeer }) {
  const [opened, setOpened] = useState(false);
  const close = () => setOpened(false);
  return (
    <>
      <Button leftSection={<IconLink size={16} stroke={1.6} />} onClick={() => setOpened(true)}>
        {t.peers.pairTitle}
      </Button>
      <Modal opened={opened} onClose={close} title={t.peers.pairTitle}>
        <Tabs defaultValue="make" keepMounted={false}>
          <Tabs.List grow mb="md">
            <Tabs.Tab value="make">{t.peers.makeCode}</Tabs.Tab>
            <Tabs.Tab value="use">{t.peers.useCode}</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="make">
            <MakeCode hub={hub} />
          </Tabs.Panel>
          <Tabs.Panel value="use">
            <UseCode onDone={close} />
          </Tabs.Panel>
        </Tabs>
      </Modal>
    </>
  );
}

function MakeCode({ hub }: { hub: LocalPeer }) {
  const [role, setRole] = useState<Role>("operator");
  const making = useMutation({ mutationFn: () => makePairingCode(role) });
  if (making.data) {
    return (
      <Stack gap="md">
        <Secret
          label={t.peers.code}
          value={making.data.code}
          hint={t.peers.codeUntil(clock(making.data.expires_at))}
        />
        <Text size="sm">{t.peers.codeNext(`${hub.address}:${hub.port}`)}</Text>
      </Stack>
    );
  }
  return (
    <Stack gap="md">
      <RoleChoice label={t.peers.codeFor} value={role} onChange={setRole} />
      {making.error && <Failure error={making.error} />}
      <Group justify="flex-end">
        <Button loading={making.isPending} onClick={() => making.mutate()}>
          {t.peers.makeCode}
        </Button>
      </Group>
    </Stack>
  );
}

function UseCode({ onDone }: { onDone: () => void }) {
  const queries = useQueryClient();
  const [address, setAddress] = useState("");
  const [code, setCode] = useState("");
  const [role, setRole] = useState<Role>("operator");
  const pairing = useMutation({
    mutationFn: () => pair({ address: address.trim(), code: code.trim(), role }),
    onSuccess: async () => {
      notifications.show({ message: t.peers.paired, withBorder: true });
      await queries.invalidateQueries({ queryKey: keys.peers });
      onDone();
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        pairing.mutate();
      }}
    >
      <Stack gap="md">
        <TextInput
          label={t.peers.pairAddress}
          placeholder={t.peers.pairAddressExample}
          value={address}
          onChange={(event) => setAddress(event.currentTarget.value)}
          spellCheck={false}
          data-autofocus
        />
        <TextInput
          label={t.peers.pairCode}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <RoleChoice label={t.peers.codeFor} value={role} onChange={setRole} />
        {pairing.error && <Failure error={pairing.error} />}
        <Group justify="flex-end">
          <Button
            type="submit"
            loading={pairing.isPending}
            disabled={address.trim() === "" || code.trim() === ""}
          >
            {t.peers.pair}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
