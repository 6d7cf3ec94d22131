/**
 * What can be done to VMs, from wherever they are shown: asks first where that fits, shows each VM busy at once,
 * follows the operations, and tells how they ended.
 */
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { ApiError } from "@/api/client";
import { keys } from "@/api/keys";
import { hasEnded, useOperations } from "@/api/operations";
import { submit, type VmCommand, type VmRef, vmKey } from "@/api/vms";
import type { Operation } from "@/api/wire";
import { t } from "@/strings";
import { tellFailure } from "@/ui/Failure";
import { Batch, type BatchItem } from "./Batch";
import { type Choice, Confirm, needsNoWord } from "./Confirm";

/** Commands sent at a time: the hub takes them as they come, a browser opens six connections. */
const AT_ONCE = 4;

export type Action = VmCommand["verb"] | "purge";

export interface VmActions {
  /** Does it, after asking if that fits the danger. */
  readonly act: (action: Action, vms: readonly VmRef[]) => void;
  /** VMs whose command the hub has not answered yet. */
  readonly asking: ReadonlySet<string>;
}

const Context = createContext<VmActions | null>(null);

export function useVmActions(): VmActions {
  const actions = useContext(Context);
  if (actions === null) throw new Error("useVmActions is for components within VmActionsProvider");
  return actions;
}

export function VmActionsProvider({ children }: { children: ReactNode }) {
  const [asked, setAsked] = useState<Choice | null>(null);
  const [batch, setBatch] = useState<readonly BatchItem[] | null>(null);
  const { asking, send } = useSending(setBatch);

  const actions = useMemo<VmActions>(
    () => ({
      asking,
      act: (action, vms) => {
        const choice = { action, vms };
        if (needsNoWord(choice)) send(commands(choice, {}));
        else setAsked(choice);
      },
    }),
    [asking, send],
  );
  return (
    <Context value={actions}>
      {children}
      <Confirm
        choice={asked}
        onCancel={() => setAsked(null)}
        onConfirm={(choice, how) => {
          setAsked(null);
          send(commands(choice, how));
        }}
      />
      <Batch items={batch} onClose={() => setBatch(null)} />
    </Context>
  );
}

function commands(
  { action, vms }: Choice,
  how: { force?: boolean; purge?: boolean },
): readonly VmCommand[] {
  return vms.map(({ name, agent_id }) => {
    const vm = { name, agent_id };
    if (action === "purge") return { verb: "delete", vm, purge: true };
    return { verb: action, vm, ...how };
  });
}

/** Sends commands and follows what comes of them. */
function useSending(show: (items: readonly BatchItem[]) => void) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState<ReadonlySet<string>>(new Set());
  const follow = useFollowing();
  const latest = useRef(show);
  useEffect(() => {
    latest.current = show;
  });
  const send = useMemo(
    () => (all: readonly VmCommand[]) => {
      const many = all.length > 1;
      const items: BatchItem[] = all.map((command) => ({
        command,
        operationId: null,
        error: null,
      }));
      const keysOf = all.map((command) => vmKey(command.vm));
      setAsking((before) => new Set([...before, ...keysOf]));
      if (many) latest.current([...items]);
      const one = async (index: number) => {
        const item = items[index];
        if (item === undefined) return;
        const result = await submit(item.command).catch((error: unknown) => error as Error);
        setAsking((before) => new Set([...before].filter((key) => key !== keysOf[index])));
        if (result instanceof Error) {
          if (!many)
            tellFailure(
              result,
              t.vmActions.failed(t.verbs[item.command.verb], item.command.vm.name),
            );
          items[index] = { ...item, error: result };
        } else {
          queries.setQueryData<readonly Operation[]>(keys.operations, (known) =>
            withNew(known, result),
          );
          if (!many) follow(result.id);
          items[index] = { ...item, operationId: result.id };
        }
        if (many) latest.current([...items]);
      };
      void inTurn(all.length, one);
    },
    [queries, follow],
  );
  return { asking, send };
}

/** The list with an operation that has just been accepted; what events told of it already stands. */
export function withNew(
  known: readonly Operation[] | undefined,
  operation: Operation,
): readonly Operation[] | undefined {
  if (known === undefined || known.some((each) => each.id === operation.id)) return known;
  return [{ ...operation, log: [] }, ...known];
}

async function inTurn(count: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      await one(next - 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, worker));
}

/** Tells how single operations ended, once each. */
function useFollowing(): (id: string) => void {
  const [followed] = useState(() => new Set<string>());
  const operations = useOperations().data;
  useEffect(() => {
    for (const operation of operations ?? []) {
      if (followed.has(operation.id) && hasEnded(operation.state)) {
        followed.delete(operation.id);
        tellEnd(operation);
      }
    }
  }, [operations, followed]);
  return useMemo(() => (id) => void followed.add(id), [followed]);
}

function tellEnd(operation: Operation): void {
  if (operation.state === "failed" && operation.error) {
    const { detail, code, status } = operation.error;
    const title = t.vmActions.failed(t.kinds[operation.kind], operation.vm_name);
    tellFailure(new ApiError(detail, { code, status }), title);
  } else if (operation.state === "succeeded") {
    notifications.show({
      message: t.vmActions.succeeded(operation.vm_name, t.done[operation.kind]),
      color: "green",
      withBorder: true,
    });
  }
}
