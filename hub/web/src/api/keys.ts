/** Names of what is kept of the hub's answers; events and mutations find it by them. */
export const keys = {
  session: ["session"] as const,
  vms: ["vms"] as const,
  vm: (name: string, agentId: string | null) => ["vm", agentId, name] as const,
  machines: ["machines"] as const,
  operations: ["operations"] as const,
  operation: (id: string) => ["operation", id] as const,
  terminals: ["terminals"] as const,
  recentEvents: ["recent-events"] as const,
};
