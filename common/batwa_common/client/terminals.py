"""Terminals: a shell in a VM, as bytes both ways."""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import aiohttp

from batwa_common.errors import BatwaError, HubUnreachable
from batwa_common.wire.terminal import Resize

from .noun import Noun

SILENCE_S = 60.0
"""The agent says something every 15 s, if only a ping; after this long the connection is dead."""
OWN_CODES = 4000
"""Close codes from here on are 4000 and the status of an error."""


class Terminal:
    """An open terminal. `async for chunk in terminal` gives the output until the shell has ended."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self.close_code: int | None = None
        """How it ended: 1000 when the shell did; None while it is open."""

    async def read(self) -> bytes:
        """Return the next output, as it came from the shell; empty when the shell has ended.

        Raises what the hub or agent closed it for, and `HubUnreachable` when the connection broke.
        """
        try:
            message = await self._ws.receive(timeout=SILENCE_S)
        except TimeoutError as err:
            raise HubUnreachable("the terminal's connection went silent") from err
        match message.type:
            case aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
            case aiohttp.WSMsgType.TEXT:
                return str(message.data).encode()
            case _:
                return self._ended(message)

    async def write(self, data: bytes) -> None:
        """Type *data*. Returns when it is on its way; raises `HubUnreachable` when it cannot be."""
        try:
            await self._ws.send_bytes(data)
        except (ConnectionError, aiohttp.ClientError) as err:
            raise HubUnreachable("the terminal's connection is closed") from err

    async def resize(self, *, rows: int, cols: int) -> None:
        """Tell the shell the size of the screen, in character cells, 1 to 1000 each."""
        size = Resize(type="resize", rows=rows, cols=cols)
        try:
            await self._ws.send_str(size.model_dump_json())
        except (ConnectionError, aiohttp.ClientError) as err:
            raise HubUnreachable("the terminal's connection is closed") from err

    async def close(self) -> None:
        """Leave; twice is fine."""
        await self._ws.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the output until the shell has ended."""
        while chunk := await self.read():
            yield chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _ended(self, message: aiohttp.WSMessage) -> bytes:
        self.close_code = self._ws.close_code
        if self.close_code is not None and self.close_code >= OWN_CODES:
            code = str(message.extra or "")
            err = BatwaError.by_code.get(code, BatwaError)(f"the terminal was closed: {code}")
            err.status = self.close_code - OWN_CODES
            raise err
        if self.close_code not in {aiohttp.WSCloseCode.OK, aiohttp.WSCloseCode.GOING_AWAY}:
            raise HubUnreachable("the terminal's connection broke")
        return b""


class TerminalMethods(Noun):
    """Shells in VMs."""

    async def open_terminal(
        self,
        vm_name: str,
        *,
        agent_id: str | None = None,
        peer_id: str | None = None,
        rows: int = 24,
        cols: int = 80,
    ) -> Terminal:
        """Start a shell in a VM of this hub, or of the peer *peer_id*, on a screen of that size.

        Use it as `async with await client.open_terminal(…) as terminal`. Raises `VmNotFound`,
        `VmStateConflict` and what else opening can meet.
        """
        query = {"vm_name": vm_name, "agent_id": agent_id, "peer_id": peer_id, "rows": rows, "cols": cols}
        return Terminal(await self._http.connect("/ws", query))
