"""`batwa shell`: this terminal becomes one in a VM."""

import asyncio
import re
from typing import Annotated

import typer

from batwa_common.client import RESTClient, Terminal

from .connection import async_hub
from .console import Console
from .screen import Modes
from .show import OnAgent, remark

app = typer.Typer(add_completion=False)

END_OF_INPUT = b"\x04"
END_AGAIN_S = 0.5
_KEY = re.compile(r"(?:ctrl-|c-|\^)([a-z@\[\]\\^_])", re.IGNORECASE)


@app.command()
def shell(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the VM.")],
    agent: OnAgent = None,
    peer: Annotated[
        str | None, typer.Option(metavar="ID", help="The hub whose VM it is, by id or name.")
    ] = None,
    detach_key: Annotated[
        str, typer.Option(envvar="BATWA_DETACH_KEY", help="Leaves the shell: ctrl- and a key, or none.")
    ] = "ctrl-]",
) -> None:
    """Open a shell in a VM; `exit` ends it, the detach key leaves it."""
    key = detach_byte(detach_key)
    client = async_hub(ctx)
    asyncio.run(_run(client, name, agent, peer, key, detach_key))


async def _run(
    client: RESTClient, name: str, agent: str | None, peer: str | None, key: bytes, key_name: str
) -> None:
    console = Console()
    size = console.size()
    async with client:
        opening = client.open_terminal(name, agent_id=agent, peer_id=peer, rows=size.lines, cols=size.columns)
        async with await opening as terminal:
            if console.is_terminal:
                remark(f"In {name}." + (f" {key_name.capitalize()} leaves." if key else ""))
            detached = await _attach(console, terminal, key)
    if console.told_to_end is not None:
        raise typer.Exit(128 + console.told_to_end)
    if detached:
        remark(f"\nLeft {name}.")


async def _attach(console: Console, terminal: Terminal, key: bytes) -> bool:
    """Copy both ways until the shell ends; return whether the detach key did it."""
    modes = Modes()
    with console.raw():
        output = asyncio.ensure_future(_show(console, terminal, modes))
        typing = asyncio.ensure_future(_type(console, terminal, key))
        sizes = asyncio.ensure_future(_resize(console, terminal))
        tasks = (output, typing, sizes)
        try:
            while not output.done():
                await asyncio.wait([task for task in tasks if not task.done()], return_when="FIRST_COMPLETED")
                if typing.done() and typing.result():
                    return True
            await output  # raises what ended it
        except asyncio.CancelledError:
            if console.told_to_end is None:
                raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if undo := modes.undo():
                await console.show(undo)
    return False


async def _show(console: Console, terminal: Terminal, modes: Modes) -> None:
    async for chunk in terminal:
        modes.feed(chunk)
        await console.show(chunk)


async def _type(console: Console, terminal: Terminal, key: bytes) -> bool:
    """Send what is typed; return whether it held the detach key. At the end of input the shell is told."""
    async for data in console.keys():
        before, found, _ = data.partition(key) if key and console.is_terminal else (data, b"", b"")
        if before:
            await terminal.write(before)
        if found:
            return True
    while True:  # who reads next is told as well: a shell that was not reading yet would miss it
        await terminal.write(END_OF_INPUT)
        await asyncio.sleep(END_AGAIN_S)


async def _resize(console: Console, terminal: Terminal) -> None:
    async for size in console.sizes():
        await terminal.resize(rows=size.lines, cols=size.columns)


def detach_byte(name: str) -> bytes:
    """Return what that key types; nothing for `none`. A wrong name is a wrong command line."""
    if name.lower() == "none":
        return b""
    if (match := _KEY.fullmatch(name)) is None:
        raise typer.BadParameter(f"{name!r} is no key; write it like ctrl-] or ctrl-a, or none")
    return bytes([ord(match[1].upper()) & 0x1F])
