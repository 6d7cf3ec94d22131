/** This hub as others see it, and whether they do. */
import { Button, Code, Paper, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { startServices, stopServices } from "@/api/peers";
import { useMay } from "@/api/session";
import type { LocalPeer } from "@/api/wire";
import { t } from "@/strings";
import { Ask } from "@/ui/Ask";
import { CopyText } from "@/ui/CopyText";
import { Facts } from "@/ui/Facts";
import { tellFailure } from "@/ui/Failure";
import { Section } from "@/ui/Section";
import { State } from "@/ui/State";

export function ThisHub({ hub }: { hub: LocalPeer }) {
  const runs = hub.status === "online";
  const mayManage = useMay("admin");
  return (
    <Section
      title={t.peers.thisHub}
      lead={runs ? t.peers.on : t.peers.off}
      action={mayManage && (runs ? <Stop /> : <Start />)}
    >
      <Paper px="md" py="xs">
        <Facts
          facts={[
            [
              t.peers.status,
              <State
                key="status"
                tone={runs ? "good" : "idle"}
                label={runs ? t.peers.running : t.peers.stopped}
              />,
            ],
            [t.peers.name, hub.name],
            [t.peers.address, <CopyText key="at" value={`${hub.address}:${hub.port}`} />],
            [t.peers.fingerprint, <Fingerprint key="fingerprint" hub={hub} />],
          ]}
        />
      </Paper>
    </Section>
  );
}

function Fingerprint({ hub }: { hub: LocalPeer }) {
  return (
    <Stack gap={2}>
      <Code fz="xs" style={{ overflowWrap: "anywhere" }}>
        {hub.fingerprint}
      </Code>
      <Text size="xs" c="dimmed">
        {t.peers.fingerprintHint}
      </Text>
    </Stack>
  );
}

function Start() {
  const queries = useQueryClient();
  const starting = useMutation({
    mutationFn: startServices,
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.peers }),
    onError: (error) => tellFailure(error),
  });
  return (
    <Button size="xs" loading={starting.isPending} onClick={() => starting.mutate()}>
      {t.peers.start}
    </Button>
  );
}

function Stop() {
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const question = {
    title: t.peers.stopTitle,
    text: t.peers.stopText,
    verb: t.peers.stop,
    loses: true,
    run: async () => {
      await stopServices();
      await queries.invalidateQueries({ queryKey: keys.peers });
    },
  };
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setAsked(true)}>
        {t.peers.stop}
      </Button>
      <Ask question={asked ? question : null} onClose={() => setAsked(false)} />
    </>
  );
}
