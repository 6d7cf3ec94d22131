/** Makes links to one terminal for people without an account, lists them and takes them back. */
import {
  Alert,
  Badge,
  Button,
  Divider,
  Group,
  Modal,
  SegmentedControl,
  Select,
  Stack,
  Text,
} from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { revoke, share, useShares } from "@/api/terminals";
import type { NewShare, Share, Terminal } from "@/api/wire";
import { moment } from "@/format";
import { t } from "@/strings";
import { CopyText } from "@/ui/CopyText";
import { Failure, tellFailure } from "@/ui/Failure";

const words = t.sharing;
const AN_HOUR = "3600";

export function ShareDialog({ terminal, onClose }: { terminal: Terminal; onClose: () => void }) {
  const queries = useQueryClient();
  const [mode, setMode] = useState<NonNullable<NewShare["mode"]>>("read");
  const [seconds, setSeconds] = useState(AN_HOUR);
  const making = useMutation({
    mutationFn: () => share(terminal.id, { mode, expires_in_s: Number(seconds) }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.shares(terminal.id) }),
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.title(terminal.vm_name)}
      closeButtonProps={{ "aria-label": t.actions.close }}
    >
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {words.lead}
        </Text>
        <Group grow align="flex-end" preventGrowOverflow={false}>
          <Stack gap={4}>
            <Text size="sm" fw={500} id="share-mode">
              {words.mode}
            </Text>
            <SegmentedControl
              size="sm"
              aria-labelledby="share-mode"
              data={(["read", "write"] as const).map((value) => ({
                value,
                label: words.modes[value],
              }))}
              value={mode}
              onChange={(value) => setMode(value)}
            />
          </Stack>
          <Select
            label={words.expires}
            data={Object.entries(words.times)
              .map(([value, label]) => ({ value, label }))
              .toSorted((one, other) => Number(one.value) - Number(other.value))}
            value={seconds}
            allowDeselect={false}
            onChange={(value) => setSeconds(value ?? AN_HOUR)}
          />
        </Group>
        {mode === "write" && (
          <Alert color="yellow" p="xs">
            {words.writeWarning}
          </Alert>
        )}
        {making.error && <Failure error={making.error} />}
        <Button loading={making.isPending} onClick={() => making.mutate()} data-autofocus>
          {words.make}
        </Button>
        {making.data && (
          <Alert color="green" title={words.made}>
            <CopyText value={making.data.url} label={words.copy} />
          </Alert>
        )}
        <Divider label={words.links} labelPosition="left" />
        <Links terminalId={terminal.id} />
      </Stack>
    </Modal>
  );
}

function Links({ terminalId }: { terminalId: string }) {
  const { data: shares, error } = useShares(terminalId);
  if (error) return <Failure error={error} />;
  if (shares?.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {words.none}
      </Text>
    );
  }
  return shares?.map((each) => <OneLink key={each.id} share={each} />);
}

function OneLink({ share }: { share: Share }) {
  const queries = useQueryClient();
  const revoking = useMutation({
    mutationFn: () => revoke(share),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.shares(share.terminal_id) }),
    onError: (error) => tellFailure(error),
  });
  return (
    <Group justify="space-between" wrap="nowrap" data-testid="share">
      <Stack gap={2} miw={0}>
        <Group gap="xs">
          <Badge size="sm" color={share.mode === "write" ? "orange" : "gray"}>
            {words.modes[share.mode]}
          </Badge>
          <Text size="sm">{words.until(moment(share.expires_at))}</Text>
        </Group>
        <Text size="xs" c="dimmed" truncate>
          {words.by(share.created_by)}
          {share.viewers.length > 0 && ` · ${words.watching(share.viewers.length)}`}
        </Text>
      </Stack>
      <Button
        size="compact-sm"
        variant="light"
        color="red"
        loading={revoking.isPending}
        onClick={() => revoking.mutate()}
      >
        {words.revoke}
      </Button>
    </Group>
  );
}
