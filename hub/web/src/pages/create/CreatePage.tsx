/** New VMs: the form, then how they come up. What is under way is in the address, so it outlives the page. */
import { Skeleton } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { keys } from "@/api/keys";
import { useMachinesWithLoad } from "@/api/machines";
import { create, useVms } from "@/api/vms";
import type { CreateVm, Operation } from "@/api/wire";
import { randomName } from "@/randomName";
import { t } from "@/strings";
import { Failure } from "@/ui/Failure";
import { Page } from "@/ui/Page";
import { withNew } from "@/vm/VmActions";
import { CreateForm } from "./CreateForm";
import { EMPTY, type Form, plan } from "./plan";
import { CreateProgress } from "./CreateProgress";

export function CreatePage() {
  const { machine, operations } = useSearch({ from: "/inside/create" });
  const navigate = useNavigate({ from: "/create" });
  const queries = useQueryClient();
  const machines = useMachinesWithLoad();
  const vms = useVms();
  const [asked, setAsked] = useState<Form>({ ...EMPTY, machine: machine ?? "" });
  const [attempt, setAttempt] = useState(randomName);
  const creating = useMutation({
    mutationFn: (form: Form) => createAll(plan(form, machines.data ?? [], vms.data ?? []), attempt),
    onSuccess: ({ made }) => {
      setAttempt(randomName());
      for (const operation of made) {
        queries.setQueryData<readonly Operation[]>(keys.operations, (known) =>
          withNew(known, operation),
        );
      }
      if (made.length > 0) void navigate({ search: { operations: made.map(({ id }) => id) } });
    },
  });
  const refused = creating.data?.refused ?? [];
  const error =
    machines.error ?? vms.error ?? creating.error ?? (operations ? null : refused[0]?.error);
  const again = (form: Form) => {
    setAsked(form);
    creating.reset();
    void navigate({ search: {} });
  };
  return (
    <Page title={t.create.title} lead={operations ? t.create.progressLead : t.create.lead}>
      {error && <Failure error={error} />}
      {operations ? (
        <CreateProgress
          ids={operations}
          refused={refused}
          onAgain={() => again(asked)}
          onAnother={() => again({ ...EMPTY, machine: asked.machine })}
        />
      ) : !machines.data || !vms.data ? (
        <Skeleton h={420} maw={760} />
      ) : (
        <CreateForm
          key={attempt}
          initial={asked}
          machines={machines.data}
          vms={vms.data}
          busy={creating.isPending}
          onSubmit={(form) => {
            setAsked(form);
            creating.mutate(form);
          }}
        />
      )}
    </Page>
  );
}

export interface Refusal {
  readonly name: string;
  readonly error: Error;
}

/** Asks for all of them. The same attempt asked twice makes each VM once. */
async function createAll(commands: readonly CreateVm[], attempt: string) {
  const made: Operation[] = [];
  const refused: Refusal[] = [];
  for (const command of commands) {
    try {
      made.push(await create(command, `${attempt}-${command.name}`));
    } catch (error) {
      refused.push({ name: command.name, error: error as Error });
    }
  }
  return { made, refused };
}
