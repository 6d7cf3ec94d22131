/** Asks before something that cannot be undone, and stays until it is done or has failed. */
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { t } from "@/strings";
import { Failure } from "./Failure";

export function ConfirmDialog(props: {
  title: string;
  lead: string;
  action: string;
  onConfirm: () => Promise<unknown>;
  onDone?: () => void;
  onClose: () => void;
}) {
  const doing = useMutation({
    mutationFn: props.onConfirm,
    onSuccess: () => {
      props.onDone?.();
      props.onClose();
    },
  });
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={props.title}
      closeButtonProps={{ "aria-label": t.actions.close }}
    >
      <Stack gap="md">
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {props.lead}
        </Text>
        {doing.error && <Failure error={doing.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onClose}>
            {t.actions.cancel}
          </Button>
          <Button
            color="red"
            loading={doing.isPending}
            onClick={() => doing.mutate()}
            data-autofocus
          >
            {props.action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
