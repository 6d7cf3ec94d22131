/** Opens terminals; the answer is kept, so that what it says need not be asked for. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { openTerminal } from "@/api/terminals";
import type { Terminal } from "@/api/wire";
import { tellFailure } from "@/ui/Failure";
import type { Order } from "./NewTerminal";

export function useOpening(onOpened: (terminal: Terminal, order: Order) => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ vm, record, recordInput }: Order) =>
      openTerminal({
        vm_name: vm.name,
        agent_id: vm.agent_id,
        ...(record && { record, record_input: recordInput ?? false }),
      }),
    onSuccess: (terminal, order) => {
      queries.setQueryData(keys.terminal(terminal.id), terminal);
      void queries.invalidateQueries({ queryKey: keys.terminals });
      onOpened(terminal, order);
    },
    onError: (error) => tellFailure(error),
  });
}
