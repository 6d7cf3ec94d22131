"""What an agent measures of itself and of its Multipass."""

from batwa_common.metrics import SLOW_S, Metrics
from batwa_common.wire.operation import Operation

from .inventory.inventory import Inventory
from .inventory.watcher import Watcher
from .operations.operations import Operations
from .terminals.terminals import Terminals
from .uplink import Uplink


class AgentMetrics(Metrics):
    """What is told here as it happens; `look_at` adds what is read at a scrape."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self._call_s = self.histogram(
            "batwa_agent_multipass_call_seconds",
            "Time of calls of the program, by command and how they ended.",
            "command",
            "outcome",
            buckets=SLOW_S,
        )
        self._wait_s = self.histogram(
            "batwa_agent_operation_wait_seconds", "Time in the queue.", "kind", buckets=SLOW_S
        )
        self._ended = self.counter(
            "batwa_agent_operations_ended", "Operations that have ended.", "kind", "state"
        )

    def call(self, command: str, outcome: str, took_s: float) -> None:
        """A call of Multipass has ended."""
        self._call_s.labels(command, outcome).observe(took_s)

    def ended(self, operation: Operation) -> None:
        """An operation has ended."""
        self._ended.labels(operation.kind, operation.state).inc()
        if operation.started_at is not None:
            wait = operation.started_at - operation.created_at
            self._wait_s.labels(operation.kind).observe(max(wait.total_seconds(), 0.0))

    def look_at(
        self,
        *,
        inventory: Inventory,
        operations: Operations,
        terminals: Terminals,
        watcher: Watcher,
        uplink: Uplink | None,
    ) -> None:
        """Have these read at each scrape."""
        self.gauge("batwa_agent_vms", "VMs of this machine.", inventory.count_by_state, label="state")
        self.gauge(
            "batwa_agent_operations", "Operations under way.", operations.count_by_state, label="state"
        )
        self.gauge("batwa_agent_terminals", "Terminals.", lambda: len(terminals.all()))
        self.gauge(
            "batwa_agent_multipass_up",
            "1 while Multipass answers, as far as is known.",
            lambda: float(watcher.problem is None),
        )
        if uplink is not None:
            self.gauge(
                "batwa_agent_hub_up",
                "1 while the hub takes heartbeats.",
                lambda: float(uplink.trouble is None),
            )
