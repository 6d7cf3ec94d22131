"""Figures, how they are compared, and the table at the end."""

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One line of the report."""

    what: str
    ours: float
    beside: float
    unit: str
    ratio: float
    goal: str
    met: bool


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Take each measure once a round, so that a noisy minute spoils all of them alike."""
    taken: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(taken, measures, strict=True):
            values.append(measure())
    return taken


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* of the values do not exceed."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def table(rows: Sequence[Row]) -> str:
    """Return *rows* as text."""
    lines = [f"{'what':58} {'ours':>10} {'beside':>10} {'unit':6} {'ratio':>7}  goal"]
    for row in rows:
        mark = "met" if row.met else "MISSED"
        lines.append(
            f"{row.what:58} {row.ours:10.1f} {row.beside:10.1f} {row.unit:6} {row.ratio:7.2f}"
            f"  {row.goal}: {mark}"
        )
    return "\n".join(lines)
