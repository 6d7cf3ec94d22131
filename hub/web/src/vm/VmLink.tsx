/** A VM's name, leading to its page. */
import { Anchor } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { VmRef } from "@/api/vms";

const PageAnchor = createLink(Anchor<"a">);

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
export function terminalsPage({ name, agent_id }: VmRef): string {
  const query = new URLSearchParams({ vm: name });
  if (agent_id !== null) query.set("agent", agent_id);
  return `/terminals?${query.toString()}`;
}

/** Where a terminal that lives is attached to. */
export function terminalOf({ id }: { id: string }): string {
  return `/terminals?${new URLSearchParams({ terminal: id }).toString()}`;
}
