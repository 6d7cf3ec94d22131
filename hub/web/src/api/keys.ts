/** Names of what is kept of the hub's answers; events and mutations find it by them. */
export const keys = {
  session: ["session"] as const,
  vms: ["vms"] as const,
  vm: (name: string, agentId: string | null) => ["vm", agentId, name] as const,
  machines: ["machines"] as const,
  operations: ["operations"] as const,
  operation: (id: string) => ["operation", id] as const,
  terminals: ["terminals"] as const,
  terminal: (id: string) => ["terminal", id] as const,
  shares: (terminalId: string) => ["terminal", terminalId, "shares"] as const,
  recordings: ["recordings"] as const,
  recording: (id: string) => ["recording", id] as const,
  cast: (recordingId: string) => ["recording", recordingId, "cast"] as const,
  recentEvents: ["recent-events"] as const,
};
