"""What a hub process measures of itself: its own share, where several have one database."""

from typing import Literal

from batwa_common import __version__
from batwa_common.metrics import SLOW_S, Metrics
from batwa_common.wire.operation import Operation

from .services.events import Events
from .services.inventory import Inventory
from .services.operations import Operations
from .services.registry import Registry
from .transport.links import Links
from .transport.relay import Relays


class HubMetrics(Metrics):
    """What is told here as it happens; `look_at` adds what is read at a scrape."""

    def __init__(self) -> None:
        super().__init__(__version__)
        self._store_s = self.histogram("batwa_store_seconds", "Time of database transactions.", "kind")
        self._ended = self.counter("batwa_operations_ended", "Operations that have ended.", "kind", "state")
        self._wait_s = self.histogram(
            "batwa_operation_wait_seconds", "Time from asking to starting.", "kind", buckets=SLOW_S
        )
        self._operation_s = self.histogram(
            "batwa_operation_seconds", "Time from starting to the end.", "kind", buckets=SLOW_S
        )

    def store(self, kind: Literal["reading", "writing"], took_s: float) -> None:
        """A transaction has ended."""
        self._store_s.labels(kind).observe(took_s)

    def ended(self, operation: Operation) -> None:
        """An operation has ended."""
        self._ended.labels(operation.kind, operation.state).inc()
        if operation.started_at is not None and operation.ended_at is not None:
            wait, took = (
                operation.started_at - operation.created_at,
                operation.ended_at - operation.started_at,
            )
            # two machines' clocks: what seems to be negative was short
            self._wait_s.labels(operation.kind).observe(max(wait.total_seconds(), 0.0))
            self._operation_s.labels(operation.kind).observe(max(took.total_seconds(), 0.0))

    def look_at(
        self,
        *,
        registry: Registry,
        inventory: Inventory,
        operations: Operations,
        events: Events,
        links: Links,
        relays: Relays,
    ) -> None:
        """Have these read at each scrape."""
        self.gauge("batwa_agents", "Agents.", registry.count_by_status, label="status")
        self.gauge("batwa_vms", "VMs, as they are shown.", inventory.count_by_state, label="state")
        self.gauge("batwa_operations", "Operations under way here.", operations.count_by_state, label="state")
        self.gauge("batwa_links", "Agents that are linked to this process.", lambda: len(links))
        self.gauge("batwa_relayed_connections", "Terminals' viewers and the like.", lambda: len(relays))
        self.total("batwa_relayed_bytes", "Bytes of those, since the start.", lambda: relays.relayed_bytes)
        self.gauge("batwa_events_waiting", "Events that are still to be written.", lambda: events.waiting)
