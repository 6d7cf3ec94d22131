"""`batwa top`: the whole fleet on one screen, looked at again and again."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, NamedTuple

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from batwa_common.client import SyncRESTClient
from batwa_common.client.answers import VmAnswer
from batwa_common.errors import BatwaError, HubUnreachable, Unavailable
from batwa_common.wire.agent import Agent, HostLoad
from batwa_common.wire.operation import Operation

from .connection import hub
from .show import WIDE, Json, age, cell, line, printable, remark

app = typer.Typer(add_completion=False)

OPERATIONS = 5
"""Of those under way, as many are shown."""
_AROUND_LINES = 6
"""Of a screen: head, headings and what is left out."""


class Look(NamedTuple):
    """The fleet at one moment."""

    at: datetime
    agents: Sequence[Agent]
    vms: Sequence[VmAnswer]
    under_way: Sequence[Operation]


Show = Callable[[Look, BatwaError | None], None]
"""Shows a look; with trouble it is an old one."""


@app.command()
def top(
    ctx: typer.Context,
    every_s: Annotated[
        float, typer.Option("--every", min=0.5, max=3600, help="Seconds between two looks.")
    ] = 2.0,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="End after so many looks.")
    ] = None,
    json: Json = False,
) -> None:
    """Watch machines, VMs and work under way until Ctrl-C; with --json one object a look, one a line."""
    looks = 0
    try:
        with hub(ctx) as client, _display(json=json) as show:
            last, trouble = take(client), None  # at first, who cannot be reached is an error like any other
            while True:
                show(last, trouble)
                looks += 1
                if looks == count:
                    return
                time.sleep(every_s)
                last, trouble = _again(client, last)
    except KeyboardInterrupt:
        return


@contextmanager
def _display(*, json: bool) -> Iterator[Show]:
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
    if json:
        yield lambda look, trouble: remark(str(trouble)) if trouble else line(look._asdict())
    elif not console.is_terminal:
        yield lambda look, trouble: remark(str(trouble)) if trouble else console.print(screen(look, None))
    else:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            yield lambda look, trouble: live.update(_with(trouble, look, console.height), refresh=True)


def take(client: SyncRESTClient) -> Look:
    """Return what there is now."""
    under_way = [each for each in client.list_operations(limit=50) if not each.has_ended]
    return Look(datetime.now().astimezone(), client.list_agents(), client.list_vms(), under_way)


def _again(client: SyncRESTClient, last: Look) -> tuple[Look, BatwaError | None]:
    try:
        return take(client), None
    except (HubUnreachable, Unavailable) as err:  # it restarts, perhaps: what was there goes on being shown
        return last, err


def _with(trouble: BatwaError | None, look: Look, lines: int) -> Group:
    if trouble is None:
        return screen(look, lines)
    said = Text(
        printable(f"{trouble} This is from {age(look.at)} ago."), style="bold red", overflow="ellipsis"
    )
    said.no_wrap = True
    return Group(said, screen(look, lines - 1))


def screen(look: Look, lines: int | None) -> Group:
    """Return *look* as it fits *lines* lines; None for all of it."""
    work = _work(look.under_way[:OPERATIONS])
    room = None if lines is None else max(lines - _AROUND_LINES - (work.row_count + 2), 1)
    agents = sorted(look.agents, key=_urgency)
    parts: list[Text | Table] = [_head(look), Text(), _machines(agents[:room], look)]
    if room is not None and len(agents) > room:
        parts.append(Text(f"and {len(agents) - room} more machines", style="dim"))
    if work.row_count:
        parts += [Text(), work]
    return Group(*parts)


def _head(look: Look) -> Text:
    states = Counter(vm.get("state", vm["status"]) for vm in look.vms)
    told = ", ".join(f"{number} {state}" for state, number in states.most_common())
    away = sum(agent.status != "online" for agent in look.agents)
    return Text.assemble(
        (f"{look.at:%H:%M:%S}  ", "bold"),
        f"machines: {len(look.agents)}",
        (f" ({away} not online)" if away else "", "bold red"),
        f"   VMs: {len(look.vms)}{f' ({cell(told)})' if told else ''}   under way: {len(look.under_way)}",
    )


def _machines(agents: Sequence[Agent], look: Look) -> Table:
    running = Counter(vm.get("agent_id") for vm in look.vms if vm["status"] == "running")
    table = _table("MACHINE", "STATUS", "VMS", "RUNNING", "LOAD", "MEMORY", "DISK", "SEEN")
    for agent in agents:
        here = running[None if agent.local else agent.agent_id]
        row = (agent.hostname, agent.status, agent.vm_count, here, *_load(agent.load), age(agent.silence_s))
        table.add_row(
            *(Text(cell(each)) for each in row), style="" if agent.status == "online" else "bold red"
        )
    return table


def _work(operations: Sequence[Operation]) -> Table:
    table = _table("WHAT", "VM", "MACHINE", "STATE", "PHASE", "AGE")
    for each in operations:
        percent = "" if each.percent is None else f" {each.percent:.0f} %"
        row = (each.kind, each.vm_name, each.agent_hostname, each.state, f"{each.phase or ''}{percent}")
        table.add_row(*(Text(cell(part)) for part in (*row, age(each.created_at))))
    return table


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.no_wrap = True
    return table


def _load(load: HostLoad | None) -> tuple[str, str, str]:
    if load is None:
        return "", "", ""
    memory = f"{load.memory_used_bytes / max(load.memory_bytes, 1):.0%}"
    disk = f"{load.disk_used_bytes / max(load.disk_bytes, 1):.0%}"
    return f"{load.load[0]:.1f} of {load.cpus}", memory, disk


def _urgency(agent: Agent) -> tuple[bool, float, str]:
    """First what needs somebody, then the busiest."""
    busy = agent.load.load[0] / max(agent.load.cpus, 1) if agent.load is not None else 0.0
    return agent.status == "online", -busy, agent.hostname
