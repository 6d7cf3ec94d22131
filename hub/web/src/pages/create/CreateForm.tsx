import {
  Autocomplete,
  Button,
  Group,
  NumberInput,
  Paper,
  Select,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import type { Agent, ListedVm } from "@/api/wire";
import { bytes } from "@/format";
import { t } from "@/strings";
import { CloudInit } from "./CloudInit";
import { problemsOf } from "./cloudInit";
import classes from "./Create.module.css";
import {
  bestFit,
  diskProblem,
  type Form,
  imageProblem,
  memoryProblem,
  MOST_VMS,
  nameProblem,
  namesOf,
  sizeBytes,
  spareBytes,
  usable,
} from "./plan";
import { SizeChoice } from "./SizeChoice";

/** Offered; anything else Multipass knows can be typed. */
const IMAGES = ["26.04", "24.04", "22.04", "20.04", "noble", "jammy", "daily:devel"];

export function CreateForm(props: {
  initial: Form;
  machines: readonly Agent[];
  vms: readonly ListedVm[];
  busy: boolean;
  onSubmit: (form: Form) => void;
}) {
  const { machines, vms } = props;
  const form = useForm<Form>({
    initialValues: props.initial,
    validateInputOnBlur: ["name", "image", "memory", "disk"],
    validate: {
      name: (_name, all) => nameProblem(all, vms, machines),
      image: imageProblem,
      cpus: (cpus) => (cpus >= 1 && cpus <= 512 ? null : t.create.cpusBad),
      memory: memoryProblem,
      disk: diskProblem,
      cloudInit: (text) =>
        problemsOf(text).find((problem) => problem.severity === "error")?.message ?? null,
    },
  });
  const { values } = form;
  return (
    <form onSubmit={form.onSubmit(props.onSubmit)} noValidate className={classes.form}>
      <Stack gap="lg">
        <Paper p="lg">
          <Stack gap="md">
            <NameAndCount form={form} />
            <MachineChoice form={form} machines={machines} />
            <Autocomplete
              label={t.create.image}
              description={t.create.imageHint}
              placeholder={t.create.imageDefault}
              data={IMAGES}
              {...form.getInputProps("image")}
            />
          </Stack>
        </Paper>
        <Paper p="lg">
          <SizeChoice form={form} tooBig={tooBig(values, machines)} />
        </Paper>
        <Paper p="lg">
          <CloudInit
            value={values.cloudInit}
            error={form.errors.cloudInit}
            onChange={(text) => form.setFieldValue("cloudInit", text)}
          />
        </Paper>
        <Group>
          <Button
            type="submit"
            size="md"
            loading={props.busy}
            disabled={usable(machines).length === 0}
          >
            {t.create.submit(values.count)}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** As much of the form as its parts need. */
export type FormOf = Pick<
  UseFormReturnType<Form>,
  "values" | "errors" | "getInputProps" | "setFieldValue" | "setValues"
>;

function NameAndCount({ form }: { form: FormOf }) {
  const names = namesOf(form.values);
  const several = names.length > 1 && form.values.name;
  return (
    <Group align="flex-start" gap="md">
      <TextInput
        flex="1 1 240px"
        label={t.create.name}
        description={
          several ? t.create.namePreview(names[0] ?? "", names.at(-1) ?? "") : t.create.nameHint
        }
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={100}
        autoFocus
        {...form.getInputProps("name")}
      />
      <NumberInput
        w={180}
        label={t.create.count}
        description={t.create.countHint}
        min={1}
        max={MOST_VMS}
        allowDecimal={false}
        clampBehavior="strict"
        {...form.getInputProps("count")}
        onChange={(count) => form.setFieldValue("count", Number(count) || 1)}
      />
    </Group>
  );
}

function MachineChoice({ form, machines }: { form: FormOf; machines: readonly Agent[] }) {
  const best = bestFit(machines);
  const { machine, count } = form.values;
  const chosen = machines.find((each) => each.agent_id === machine);
  const hint = chosen?.load
    ? t.create.free(
        bytes(spareBytes(chosen)),
        bytes(chosen.load.disk_bytes - chosen.load.disk_used_bytes),
      )
    : count > 1
      ? t.create.spread
      : best && t.create.bestFitHint(best.hostname);
  return (
    <Select
      label={t.create.machine}
      description={best ? hint : undefined}
      error={best ? form.errors.machine : t.create.noMachine}
      allowDeselect={false}
      data={[
        { value: "", label: t.create.bestFit },
        ...machines.map((each) => ({
          value: each.agent_id,
          label: each.status === "online" ? each.hostname : `${each.hostname} · ${t.state.offline}`,
          disabled: !usable(machines).includes(each),
        })),
      ]}
      value={machine}
      onChange={(value) => form.setFieldValue("machine", value ?? "")}
    />
  );
}

/** The machine, if all that is asked for is more than it has free now: it may still work, but slowly. */
function tooBig(values: Form, machines: readonly Agent[]): string | null {
  const where = machines.find((each) => each.agent_id === values.machine) ?? bestFit(machines);
  if (!where?.load || !(sizeBytes(values.memory) > spareBytes(where))) return null;
  return t.create.tooBig(where.hostname);
}

export function Hint({ children }: { children: string }) {
  return (
    <Text size="xs" c="var(--tone-warn)">
      {children}
    </Text>
  );
}
