import { Box, NumberInput, Stack, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { t } from "@/strings";
import classes from "./Create.module.css";
import { type FormOf, Hint } from "./CreateForm";
import { type Size, SIZES } from "./plan";

const CHOICES = Object.keys(SIZES) as Size[];

export function SizeChoice({ form, tooBig }: { form: FormOf; tooBig: string | null }) {
  const { cpus, memory, disk } = form.values;
  const same = CHOICES.find((size) => {
    const each = SIZES[size];
    return each.cpus === cpus && each.memory === memory && each.disk === disk;
  });
  const [custom, setCustom] = useState(same === undefined);
  const chosen = custom ? "custom" : same;
  return (
    <Stack gap="md">
      <Text size="sm" fw={500} id="size-label">
        {t.create.size}
      </Text>
      <Box className={classes.sizes} role="radiogroup" aria-labelledby="size-label">
        {CHOICES.map((size) => (
          <Choice
            key={size}
            label={t.create.sizes[size]}
            detail={t.create.sizeDetail(SIZES[size].cpus, SIZES[size].memory, SIZES[size].disk)}
            chosen={chosen === size}
            onChoose={() => {
              setCustom(false);
              form.setValues(SIZES[size]);
            }}
          />
        ))}
        <Choice
          label={t.create.sizes.custom}
          detail={t.create.customDetail}
          chosen={chosen === "custom"}
          onChoose={() => setCustom(true)}
        />
      </Box>
      {custom && (
        <Box className={classes.fields}>
          <NumberInput
            label={t.create.cpus}
            min={1}
            max={512}
            allowDecimal={false}
            {...form.getInputProps("cpus")}
            onChange={(value) => form.setFieldValue("cpus", Number(value) || 1)}
          />
          <TextInput label={t.create.memory} {...form.getInputProps("memory")} />
          <TextInput label={t.create.disk} {...form.getInputProps("disk")} />
        </Box>
      )}
      {tooBig && <Hint>{tooBig}</Hint>}
    </Stack>
  );
}

function Choice(props: { label: string; detail: string; chosen: boolean; onChoose: () => void }) {
  return (
    <UnstyledButton
      type="button"
      role="radio"
      aria-checked={props.chosen}
      className={classes.size}
      onClick={props.onChoose}
    >
      <Text size="sm" fw={500}>
        {props.label}
      </Text>
      <Text size="xs" c="dimmed">
        {props.detail}
      </Text>
    </UnstyledButton>
  );
}
