/** Asks before something is done that cannot simply be taken back, and does it. */
import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { t } from "@/strings";
import { Failure } from "./Failure";

export interface Question {
  readonly title: string;
  /** What it means. */
  readonly text: string;
  /** What the button says. */
  readonly verb: string;
  readonly run: () => Promise<unknown>;
  /** Whether something is lost by it. */
  readonly loses?: boolean;
  /** Has to be typed first, where what is lost is lost for good. */
  readonly typed?: string;
}

export function Ask(props: { question: Question | null; onClose: () => void }) {
  const { question, onClose } = props;
  return (
    <Modal opened={question !== null} onClose={onClose} title={question?.title}>
      {question && <Form question={question} onClose={onClose} />}
    </Modal>
  );
}

function Form({ question, onClose }: { question: Question; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const doing = useMutation({ mutationFn: question.run, onSuccess: onClose });
  const phrase = question.typed;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        doing.mutate();
      }}
    >
      <Stack gap="md">
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {question.text}
        </Text>
        {phrase !== undefined && (
          <TextInput
            label={t.ask.type(phrase)}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        {doing.error && <Failure error={doing.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {t.actions.cancel}
          </Button>
          <Button
            type="submit"
            color={question.loses ? "red" : "brand"}
            loading={doing.isPending}
            disabled={phrase !== undefined && typed !== phrase}
            data-autofocus={phrase === undefined || undefined}
          >
            {question.verb}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
