/** Words of the overview. */

export const overview = {
  overview: {
    title: "Overview",
    vms: "VMs",
    allVms: "All VMs",
    machines: "Machines",
    attention: "Needs attention",
    calmTitle: "All is well",
    calm: "Every machine answers and nothing has failed of late.",
    offline: (name: string) => `${name} is offline`,
    offlineNext: (ago: string) =>
      `Last heard ${ago}. Check that the machine is on and batwa-agent runs: systemctl status batwa-agent. Its VMs are shown as they were.`,
    driver: (name: string) => `Multipass on ${name} has a problem`,
    failed: (kind: string, name: string) => `${kind} of ${name} failed`,
    look: "Look",
    retry: "See what happened",
    unknown: (count: number) => `${count} VMs are in an unknown state`,
    unknownNext:
      "Multipass could not tell what they do. Starting or stopping them usually settles it.",
    memory: "Memory",
    disk: "Disk",
    load: "Load",
    loadOf: (load: string, cpus: number) => `${load} on ${cpus} CPUs`,
    vmCount: (count: number) => (count === 1 ? "1 VM" : `${count} VMs`),
    operations: "Recent operations",
    noOperations: "What is done to VMs shows here, with who asked and how it ended.",
    events: "Recent events",
    noEvents: "What changes in the fleet shows here as it happens.",
    by: (who: string) => `by ${who}`,
    on: (where: string) => `on ${where}`,
    more: (count: number) => `${count} more`,
    unanswered: "no news of its load yet",
  },
} as const;
