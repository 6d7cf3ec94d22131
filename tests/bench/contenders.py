"""Every way to the same shell: through hub and agent, at the agent alone, and the programs beside ours."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from tests.e2e.fleet import BIN, Daemon, Fleet

from . import peers
from .listing import log_in
from .sockets import Http, Terminal

ACK_BYTES = 32 << 10
"""How often our own client tells how far it is: a quarter of the window."""


class Shell(Protocol):
    """An open terminal."""

    def send(self, data: bytes) -> None: ...
    def receive(self) -> bytes: ...
    def until(self, text: bytes) -> int: ...
    def close(self) -> None: ...


class Contender(NamedTuple):
    """A way to open the shell."""

    name: str
    open: Callable[[], Shell]


class V1Terminal(Terminal):
    """Our full protocol, `batwa.v1`: what has been taken is acknowledged."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        super().__init__(url, headers, protocol="batwa.v1")
        self._url, self._headers = url, headers
        self._offset = self._acknowledged = 0
        self.terminal_id = ""

    def receive(self) -> bytes:
        """Return the next output; control frames are obeyed on the way."""
        while True:
            opcode, payload = self.frame()
            if opcode == 2:
                self._offset += len(payload)
                if self._offset - self._acknowledged >= ACK_BYTES:
                    self._acknowledged = self._offset
                    self.send_text(json.dumps({"type": "ack", "offset": self._offset}))
                return payload
            if opcode == 1 and (told := json.loads(payload))["type"] == "hello":
                self._offset = self._acknowledged = told["offset"]
                self.terminal_id = told["terminal_id"]

    def close(self) -> None:
        """End the shell: it would go on without us, and flood beside the next measurement."""
        super().close()
        with Http(self._url, self._headers) as http:
            http.request("DELETE", f"/api/terminals/{self.terminal_id}")


class Bench(NamedTuple):
    """A running fleet with one VM, and every way to its shell."""

    fleet: Fleet
    cookie: dict[str, str]
    agent: Daemon
    through: Contender
    through_plain: Contender
    alone: Contender
    raw: Contender
    terminado: Contender
    ttyd: Contender | None
    ttyd_behind_nginx: Contender | None

    @property
    def beside(self) -> list[Contender]:
        """The programs that are not ours."""
        return [self.terminado, *([self.ttyd] if self.ttyd else [])]


@contextlib.contextmanager
def bench(directory: Path) -> Iterator[Bench]:
    """Start everything."""
    with Fleet(directory) as fleet, contextlib.ExitStack() as stack:
        fleet.add_agent("local", BATWA_AGENT_TERMINAL__LIMIT="1000")
        cookie, agent = log_in(fleet), fleet.agents["local"]
        with Http(fleet.url, cookie) as http:
            http.json("POST", "/api/vm/create", {"name": "bench"})
        argv = [str(BIN / "multipass-sim"), "shell", "bench"]
        terminado = stack.enter_context(peers.terminado(argv, agent.env, directory))
        ttyd = stack.enter_context(peers.ttyd(argv, agent.env, directory))
        behind = stack.enter_context(peers.behind_nginx(ttyd, directory))
        hub = f"{fleet.url}/ws?vm_name=bench"
        direct = f"http://{urlsplit(agent.ready).netloc}/ws?vm_name=bench"
        key = {"X-API-Key": agent.env["BATWA_AGENT_API_KEY"]}
        yield Bench(
            fleet,
            cookie,
            agent,
            Contender("hub and agent", lambda: V1Terminal(hub, cookie)),
            Contender("hub and agent, plain", lambda: Terminal(hub, cookie)),
            Contender("agent alone", lambda: V1Terminal(direct, key)),
            Contender("raw terminal", lambda: peers.Raw(argv, agent.env)),
            Contender("terminado", lambda: peers.TerminadoTerminal(terminado, {})),
            Contender("ttyd", lambda: peers.TtydTerminal(ttyd)) if ttyd else None,
            Contender("ttyd behind nginx", lambda: peers.TtydTerminal(behind)) if behind else None,
        )
