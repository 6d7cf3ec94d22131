/** A VM's name, leading to its page. */
import type { VmRef } from "@/api/vms";
import { PageAnchor } from "@/ui/PageAnchor";

export function VmLink({ vm, size = "sm" }: { vm: VmRef; size?: "sm" | "md" }) {
  return (
    <PageAnchor
      {...vmPage(vm)}
      size={size}
      fw={500}
      c="var(--mantine-color-text)"
      title={vm.name}
      truncate
    >
      {vm.name}
    </PageAnchor>
  );
}

/** Where a VM's page is. */
export function vmPage({ name, agent_id }: VmRef) {
  return { to: "/vms/$name", params: { name }, search: { agent: agent_id ?? undefined } } as const;
}

/** Where a terminal in this VM is opened. */
export function terminalsPage({ name, agent_id }: VmRef) {
  return { to: "/terminals", search: { vm: name, agent: agent_id ?? undefined } } as const;
}

/** Where a terminal that lives is attached to. */
export function terminalOf({ id }: { id: string }) {
  return { to: "/terminals", search: { terminal: id } } as const;
}
