"""What a daemon measures of itself, for Prometheus. Knows no HTTP: it is told, or asks at a scrape."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

LAG_EVERY_S = 0.5
"""How often it is measured how late the event loop is."""
QUICK_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Buckets for what a person waits for."""
SLOW_S = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
"""Buckets for what machines do: VMs that start, and their queues."""

Reading = Callable[[], float | Mapping[str, float]]
"""Returns a value, or one for each value of a label."""


class Metrics:
    """One daemon's measurements; two in one process do not get into each other's way."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self._process = _Kept()
        self._registry.register(self._process)
        self.gauge("batwa_build_info", "The version that runs.", lambda: {version: 1.0}, label="version")
        self.requests = self.counter(
            "batwa_http_requests", "Requests that were answered.", "method", "route", "status"
        )
        self.request_s = self.histogram(
            "batwa_http_request_seconds", "Time to an answer; streams and WebSockets left out.", "route"
        )
        self._lag_s = self.histogram("batwa_event_loop_lag_seconds", "How late the event loop is.")

    def gauge(self, name: str, says: str, read: Reading, *, label: str | None = None) -> None:
        """Have *read* called at each scrape; with *label* it tells a value for each of its values."""
        self._registry.register(_Read(name, says, read, label))

    def total(self, name: str, says: str, read: Reading) -> None:
        """Have *read* called at each scrape for what only grows; shown as `NAME_total`."""
        self._registry.register(_Read(name, says, read, None, CounterMetricFamily))

    def counter(self, name: str, says: str, *labels: str) -> Counter:
        """Return a new counter, shown as `NAME_total`."""
        return Counter(name, says, labels, registry=self._registry)

    def histogram(
        self, name: str, says: str, *labels: str, buckets: tuple[float, ...] = QUICK_S
    ) -> Histogram:
        """Return a new histogram of seconds."""
        return Histogram(name, says, labels, buckets=buckets, registry=self._registry)

    async def text(self, accept: str) -> tuple[bytes, str]:
        """Return everything in the format that the header *accept* asks for, and its content type."""
        self._process.metrics = await asyncio.to_thread(_read_process)
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    async def watch_loop(self) -> None:
        """Measure how late the event loop is, until cancelled."""
        while True:
            due_s = time.monotonic() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._lag_s.observe(max(time.monotonic() - due_s, 0.0))


class _Kept(Collector):
    """What was found out where blocking is allowed."""

    def __init__(self) -> None:
        self.metrics: list[Metric] = []

    def collect(self) -> list[Metric]:
        """Return it."""
        return self.metrics


def _read_process() -> list[Metric]:
    """Read /proc; blocks."""
    return list(ProcessCollector(registry=None).collect())


class _Read(Collector):
    """What is read when it is asked for."""

    def __init__(
        self,
        name: str,
        says: str,
        read: Reading,
        label: str | None,
        kind: type[GaugeMetricFamily | CounterMetricFamily] = GaugeMetricFamily,
    ) -> None:
        self._name, self._says, self._read = name, says, read
        self._labels = [label] if label else []
        self._kind = kind

    def describe(self) -> Iterator[Metric]:
        """Tell the name, so that none is taken twice."""
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        """Read it."""
        family, told = self._family(), self._read()
        if isinstance(told, Mapping):
            for value, number in told.items():
                family.add_metric([value], number)
        else:
            family.add_metric([], told)
        yield family

    def _family(self) -> GaugeMetricFamily | CounterMetricFamily:
        return self._kind(self._name, self._says, labels=self._labels)
