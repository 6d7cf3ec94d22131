/** Does something that needs the second factor. */
import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";

export function WithCode(props: {
  text?: string;
  verb: string;
  label?: string;
  loses?: boolean;
  run: (code: string) => Promise<unknown>;
}) {
  const [code, setCode] = useState("");
  const doing = useMutation({
    meta: { mayBeRefused: true },
    mutationFn: () => props.run(code.trim()),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        doing.mutate();
      }}
    >
      <Stack gap="md">
        {props.text && <Text size="sm">{props.text}</Text>}
        <TextInput
          label={props.label ?? t.settings.totpAnyCode}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          autoComplete="one-time-code"
          spellCheck={false}
          data-autofocus
        />
        {doing.error && <Failure error={doing.error} />}
        <Group justify="flex-end">
          <Button
            type="submit"
            color={props.loses ? "red" : "brand"}
            loading={doing.isPending}
            disabled={code.trim() === ""}
          >
            {props.verb}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
