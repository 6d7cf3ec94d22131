"""The hub's calls to an agent about terminals, recordings, and commands in VMs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from pydantic import TypeAdapter

from batwa_common.wire.documented import Done
from batwa_common.wire.exec import Exec, ExecResult
from batwa_common.wire.recording import Recording, Recordings
from batwa_common.wire.terminal import OpenTerminal, Terminal

from .agents import AgentHttp

EXEC_MARGIN_S = 90.0
"""What a command may take beyond its own time: getting into the VM, and being ended there."""
CLOSE_S = 5.0
CHUNK_BYTES = 64 << 10

_TERMINAL = TypeAdapter(Terminal)
_TERMINALS = TypeAdapter(tuple[Terminal, ...])
_RECORDING = TypeAdapter(Recording)
_RECORDINGS = TypeAdapter(Recordings)
_DONE = TypeAdapter(Done)
_RESULT = TypeAdapter(ExecResult)


class AgentShells:
    """A `ShellPort` over HTTP."""

    def __init__(self, http: AgentHttp) -> None:
        self._http = http

    async def open(self, order: OpenTerminal, *, by: str) -> Terminal:
        """`POST /api/terminals`"""
        body, headers = order.model_dump_json(exclude={"agent_id"}).encode(), {"X-Batwa-User": by}
        return await self._http.call("POST", "/api/terminals", _TERMINAL, body=body, headers=headers)

    async def terminals(self) -> tuple[Terminal, ...]:
        """`GET /api/terminals`"""
        return await self._http.call("GET", "/api/terminals", _TERMINALS)

    async def terminal(self, terminal_id: str) -> Terminal:
        """`GET /api/terminals/{id}`"""
        return await self._http.call("GET", _path("terminals", terminal_id), _TERMINAL)

    async def end(self, terminal_id: str) -> Terminal:
        """`DELETE /api/terminals/{id}`"""
        return await self._http.call("DELETE", _path("terminals", terminal_id), _TERMINAL, wait_s=10)

    async def close_viewer(self, viewer_key: str, *, code: int) -> None:
        """`DELETE /api/viewers/{viewer_key}?code=`; it is fine if there is none."""
        url = self._http.url.with_path(_path("viewers", viewer_key), encoded=True)
        asked = url.with_query(code=str(code))
        await self._http.exchange("DELETE", asked, body=b"", headers={}, within_s=CLOSE_S)

    async def recordings(self) -> Recordings:
        """`GET /api/recordings`"""
        return await self._http.call("GET", "/api/recordings", _RECORDINGS)

    async def recording(self, recording_id: str) -> Recording:
        """`GET /api/recordings/{id}`"""
        return await self._http.call("GET", _path("recordings", recording_id), _RECORDING)

    @asynccontextmanager
    async def cast(self, recording_id: str) -> AsyncIterator[tuple[int, AsyncIterator[bytes]]]:
        """`GET /api/recordings/{id}/cast`: its size, and its bytes at the pace they are taken."""
        path = f"{_path('recordings', recording_id)}/cast"
        async with self._http.streaming(path) as answer:
            yield answer.content_length or 0, answer.content.iter_chunked(CHUNK_BYTES)

    async def remove_recording(self, recording_id: str) -> None:
        """`DELETE /api/recordings/{id}`"""
        await self._http.call("DELETE", _path("recordings", recording_id), _DONE)

    async def run(self, vm_name: str, asked: Exec) -> ExecResult:
        """`POST /api/vm/{name}/exec`"""
        body = asked.model_dump_json(exclude={"agent_id"}).encode()
        path = f"/api/vm/{quote(vm_name, safe='')}/exec"
        wait_s = asked.timeout_s + EXEC_MARGIN_S
        return await self._http.call("POST", path, _RESULT, body=body, wait_s=wait_s)


def _path(kind: str, name: str) -> str:
    return f"/api/{kind}/{quote(name, safe='')}"
