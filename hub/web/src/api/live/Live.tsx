/** Keeps what was fetched true by the hub's events, and tells whether that works. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useSyncExternalStore,
} from "react";
import { keys } from "../keys";
import type { Agent, Event, ListedVm, Operation } from "../wire";
import type { Connection } from "./connection";
import { Feed } from "./feed";
import { patchedMachines, patchedOperation, patchedOperations, patchedVms } from "./patch";

const FeedContext = createContext<Feed | null>(null);

/** Lists that events keep true; when some were missed, they are fetched anew. */
const LIVE = new Set<unknown>([
  keys.vms[0],
  keys.vm("", null)[0],
  keys.machines[0],
  keys.operations[0],
  keys.operation("")[0],
  keys.recentEvents[0],
]);

export function Live(props: { children: ReactNode; onSignedOut: () => void }) {
  const queries = useQueryClient();
  const { onSignedOut } = props;
  const feed = useMemo(
    () =>
      new Feed({
        onEvents: (events) => apply(queries, events),
        onReload: () =>
          void queries.invalidateQueries({ predicate: (query) => LIVE.has(query.queryKey[0]) }),
        onSignedOut,
      }),
    [queries, onSignedOut],
  );
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  return <FeedContext value={feed}>{props.children}</FeedContext>;
}

/** Where the stream of events stands. */
export function useConnection(): Connection {
  const feed = useContext(FeedContext);
  if (feed === null) throw new Error("useConnection is for components within Live");
  return useSyncExternalStore(feed.watch, feed.connection);
}

/** Puts the news into what was fetched, and asks again where events do not tell everything. */
export function apply(queries: QueryClient, events: readonly Event[]): void {
  const machines = queries.getQueryData<Agent[]>(keys.machines);
  const localId = machines?.find((machine) => machine.local)?.agent_id;
  queries.setQueryData<readonly ListedVm[]>(
    keys.vms,
    (vms) => vms && patchedVms(vms, events, localId),
  );
  queries.setQueryData<readonly Agent[]>(
    keys.machines,
    (all) => all && patchedMachines(all, events),
  );
  queries.setQueryData<readonly Operation[]>(
    keys.operations,
    (all) => all && patchedOperations(all, events),
  );
  queries.setQueryData<readonly Event[]>(
    keys.recentEvents,
    (recent) => recent && [...events.toReversed(), ...recent].slice(0, recentKept),
  );
  for (const id of new Set(events.filter((e) => e.kind === "operation").map((e) => e.subject))) {
    queries.setQueryData<Operation>(
      keys.operation(id),
      (one) => one && patchedOperation(one, events),
    );
    void queries.invalidateQueries({ queryKey: keys.operation(id) }); // its log is in no event
  }
  for (const name of new Set(events.filter((e) => e.kind === "vm").map(nameOf))) {
    void queries.invalidateQueries({
      predicate: ({ queryKey }) => queryKey[0] === keys.vm("", null)[0] && queryKey[2] === name,
    });
  }
  for (const kind of ["peer", "message"]) {
    if (events.some((event) => event.kind === kind)) {
      void queries.invalidateQueries({ queryKey: [`${kind}s`] });
    }
  }
}

const recentKept = 200;

function nameOf(event: Event): string {
  return event.subject.slice(event.subject.indexOf("/") + 1);
}
