/** Asks, and ends a shell for everybody. */
import { useQueryClient } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { endTerminal } from "@/api/terminals";
import type { Terminal } from "@/api/wire";
import { t } from "@/strings";
import { Ask } from "@/ui/Ask";

export function EndDialog({ terminal, onClose }: { terminal: Terminal; onClose: () => void }) {
  const queries = useQueryClient();
  return (
    <Ask
      question={{
        title: t.terminals.endTitle,
        text: t.terminals.endLead(terminal.vm_name),
        verb: t.terminals.end,
        loses: true,
        run: async () => {
          await endTerminal(terminal.id);
          void queries.invalidateQueries({ queryKey: keys.terminals });
        },
      }}
      onClose={onClose}
    />
  );
}
