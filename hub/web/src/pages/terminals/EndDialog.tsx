/** Asks, and ends a shell for everybody. */
import { useQueryClient } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { endTerminal } from "@/api/terminals";
import type { Terminal } from "@/api/wire";
import { t } from "@/strings";
import { ConfirmDialog } from "@/ui/ConfirmDialog";

export function EndDialog({ terminal, onClose }: { terminal: Terminal; onClose: () => void }) {
  const queries = useQueryClient();
  return (
    <ConfirmDialog
      title={t.terminals.endTitle}
      lead={t.terminals.endLead(terminal.vm_name)}
      action={t.terminals.end}
      onConfirm={() => endTerminal(terminal.id)}
      onDone={() => void queries.invalidateQueries({ queryKey: keys.terminals })}
      onClose={onClose}
    />
  );
}
