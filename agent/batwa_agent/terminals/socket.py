"""A WebSocket as a viewer of one terminal: what both protocols share. Output comes at the viewer's pace."""

import asyncio
import time
from abc import ABC, abstractmethod
from typing import NamedTuple

from aiohttp import WSCloseCode, WSMsgType, web

from batwa_common.supervisor import Supervisor
from batwa_common.web.websocket_reader import Message
from batwa_common.wire.base import Wire
from batwa_common.wire.terminal import TERMINAL_HEADER, TerminalViewer

from . import frames
from .output_log import Pieces
from .queries import CANCEL, HELD_BYTES, QueryFilter, cut_query_bytes
from .screen import Picture
from .terminal import Terminal
from .viewer import EXITED, INTERNAL, LAGGING, Ending, Size
from .websocket import WebSocket
from .window import Window

CHUNK_BYTES = 64 << 10
"""Longest frame of output."""
MARK_BYTES = 16 << 10
"""Output between two pings that stand for acknowledgements, where the protocol has none."""
PING = frames.ping(b"")
PING_EVERY_S = 5.0
SILENCE_S = 14.0
"""A viewer that answers no ping for this long is gone: noticed within 20 s."""
LOOK_S = 1.0
"""How soon a lost connection is noticed while nothing is read from it."""
LAST_WORDS_S = 30.0
"""How long a viewer may take for the output that is left when its terminal has ended."""


class Wanted(NamedTuple):
    """What a viewer wants to see first."""

    offset: int | None
    """From this byte on; None wants the screen as it is."""
    is_replay: bool = True
    """Whether somebody may have seen it before: then questions to the viewer's terminal are left out."""


class TerminalSocket(ABC):
    """Made before the upgrade; `show_terminal` is the whole life of the connection after it."""

    subprotocols: tuple[str, ...] = ()
    acknowledges: bool = False
    """Whether the protocol has acknowledgements; where it has none, answers to pings stand for them."""

    def __init__(
        self,
        terminal: Terminal,
        about: TerminalViewer,
        *,
        key: str,
        attachment: str | None,
        size: Size | None,
        is_opener: bool,
    ) -> None:
        self.about = about
        self.key = key
        self.attachment = attachment
        self.size = size
        self.offset = 0
        self.left_on_purpose = is_opener
        """Whether the viewer closed, or opened the terminal and never came, rather than was lost."""
        self._window: Window | None = None
        self._marked = 0
        self._terminal = terminal
        self._websocket = WebSocket(self._take)
        self._tasks = Supervisor()
        self._replay: QueryFilter | None = None
        self._replay_until = 0
        self._pump: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[Ending] = self._loop.create_future()
        self._is_typing = False
        self._pinged_at_s = 0.0

    @property
    def has_room(self) -> bool:
        """Whether it has all there is, and would take more at once."""
        return self.offset == self._terminal.log.end and self._pump is None and self._room() > 0

    async def show_terminal(self, request: web.Request, wanted: Wanted) -> web.StreamResponse:
        """Upgrade, pass keys and output until either side ends, and close."""
        answer: web.WebSocketResponse[bool] = web.WebSocketResponse(
            protocols=self.subprotocols, compress=False
        )
        answer.headers[TERMINAL_HEADER] = self._terminal.record.id
        await self._websocket.upgrade(request, answer)
        self.left_on_purpose = False
        ending = INTERNAL
        async with self._tasks:
            try:
                ending = await self._until_over(wanted)
            finally:
                self._ending.cancel()
                if self in self._terminal.viewers:
                    self._terminal.detach(self)
                await self._close(ending)
        return answer

    def show(self, start: int, stop: int, pieces: Pieces) -> None:
        """Write new output to the network at once if that has room, else come for it later."""
        websocket = self._websocket
        if websocket.is_gone:
            self.offset = stop  # nobody sees it any more; the socket's own task notices
        elif (
            self.offset == start
            and self._pump is None
            and not websocket.is_congested
            and self._fits(stop - start)
        ):
            websocket.write(frames.binary(pieces, stop - start))
            self._sent(stop)
        else:
            self._go_on()

    def over(self, ending: Ending) -> None:
        """Close; after all output if *ending* is `EXITED`."""
        if not self._ending.done():
            self._ending.set_result(ending)

    @abstractmethod
    def tell(self, what: Wire) -> None:
        """Pass a control message on, if the protocol has any."""

    @abstractmethod
    def greet(self, picture: Picture | None, lost_bytes: int) -> None:
        """Begin; *picture* is the screen if it comes instead of bytes, of which *lost_bytes* were wanted."""

    @abstractmethod
    def take(self, data: bytes, *, is_text: bool) -> None:
        """Obey a message."""

    @abstractmethod
    def skipped(self, offset: int) -> None:
        """Say that the next byte shown has this offset: what the viewer counted is less."""

    @abstractmethod
    def farewell(self) -> None:
        """All output of an ended terminal has been shown."""

    def acknowledge(self, offset: int) -> None:
        """All up to *offset* has been taken."""
        if self._window is not None and self._window.acknowledge(offset, time.monotonic()):
            self._go_on()
            self._terminal.balance()

    def keys(self, data: bytes) -> None:
        """Type *data*, now or when the shell takes it."""
        if rest := self._terminal.write(memoryview(data)):
            self._is_typing = True
            self._websocket.pause()
            self._tasks.spawn(self._type(rest), name="keys")
            self._go_on()
            self._terminal.balance()

    def resize(self, size: Size) -> None:
        """The viewer's size changed."""
        self.size = size
        self._terminal.resized()

    def send(self, frame: bytes) -> None:
        """Write a small frame, which may be dropped if the viewer takes nothing."""
        self._websocket.write_small(frame)

    async def _until_over(self, wanted: Wanted) -> Ending:
        await self._begin(wanted)
        self._terminal.attach(self)
        self._go_on()
        self._tasks.spawn(self._ping_forever(), name="pings")
        if not self.acknowledges:
            self._mark()
        self._websocket.resume()
        left = self._websocket.ended
        await asyncio.wait((left, self._ending), return_when=asyncio.FIRST_COMPLETED)
        if self._ending.done():
            return self._ending.result()
        self.left_on_purpose = left.result() not in {None, WSCloseCode.GOING_AWAY}
        return EXITED

    async def _begin(self, wanted: Wanted) -> None:
        output = self._terminal.log
        if wanted.offset is not None and output.kept_from <= wanted.offset <= output.end:
            self._begin_at(wanted.offset)
            self.greet(None, 0)
            if wanted.is_replay and wanted.offset < output.end:
                self._replay, self._replay_until = QueryFilter(), output.end
                self._finish_question()
            return
        picture = await self._terminal.screen.render()
        self._begin_at(picture.offset)
        self.greet(
            picture, max(0, output.kept_from - (wanted.offset or 0)) if wanted.offset is not None else 0
        )

    def _finish_question(self) -> None:
        """Undo a question of which the viewer's terminal has the first part already."""
        output = self._terminal.log
        before = output.read(max(output.kept_from, self.offset - HELD_BYTES), self.offset)
        after = output.read(self.offset, min(self.offset + HELD_BYTES, self._replay_until))
        if cut := cut_query_bytes(before, after):
            self.send(frames.binary((memoryview(CANCEL),), len(CANCEL)))
            self._begin_at(self.offset + cut)
            self.skipped(self.offset)

    def _begin_at(self, offset: int) -> None:
        self.offset = offset
        self._window = Window(offset) if self.acknowledges else None

    def _sent(self, offset: int) -> None:
        self.offset = offset
        if self._window is not None:
            self._window.sent(offset, time.monotonic())
        if not self.acknowledges and offset - self._marked >= MARK_BYTES:
            self._mark()

    def _mark(self) -> None:
        self._marked = self.offset
        self.send(frames.ping(self.offset.to_bytes(8)))

    def _answered(self, mark: bytes) -> None:
        if self._window is None:  # it does answer
            self._window = Window(self.offset)
        else:
            self.acknowledge(int.from_bytes(mark))

    def _room(self) -> int:
        if self._window is None or self._is_typing:  # then what it acknowledges waits behind its paste
            return CHUNK_BYTES
        return self._window.room

    def _fits(self, count: int) -> bool:
        if self._window is None or self._is_typing:
            return count <= self._room()
        return self._window.fits(count)

    def _go_on(self) -> None:
        if self._pump is None and self._room() > 0 and self.offset < self._terminal.log.end:
            self._pump = self._tasks.start(self._send_what_is_there(), name="output")

    async def _send_what_is_there(self) -> None:
        try:
            while not self._websocket.is_gone and (room := self._room()) > 0 and self._send_some(room):
                await self._websocket.drained()
        finally:
            self._pump = None
            self._terminal.balance()

    def _send_some(self, room: int) -> bool:
        """Send one frame; False if there was nothing to send."""
        output, start = self._terminal.log, self.offset
        if start < output.kept_from:
            self.over(LAGGING)
            return False
        if self._replay is not None and start < self._replay_until:
            self._send_replay(self._replay, min(self._replay_until, start + min(room, CHUNK_BYTES)))
            return True
        self._replay = None
        stop = min(output.end, start + min(room, CHUNK_BYTES))
        if start == stop:
            return False
        self._websocket.write(frames.binary(output.pieces(start, stop), stop - start))
        self._sent(stop)
        return True

    def _send_replay(self, questions: QueryFilter, stop: int) -> None:
        counted = self.offset - questions.held_bytes  # so far the viewer counts
        shown = questions.feed(self._terminal.log.read(self.offset, stop))
        self._sent(stop)
        if stop == self._replay_until:
            shown += questions.finish()
        if shown:
            self._websocket.write(frames.binary((memoryview(shown),), len(shown)))
        if counted + len(shown) != stop - questions.held_bytes:
            self.skipped(stop - questions.held_bytes)

    def _take(self, message: Message) -> None:
        if self._ending.done():
            return  # it takes a moment to close
        if message.type is not WSMsgType.PONG:
            self.take(message.data, is_text=message.type is WSMsgType.TEXT)
        elif message.data and not self.acknowledges:
            self._answered(message.data)
        elif self._window is not None:
            self._window.measured(time.monotonic() - self._pinged_at_s)

    async def _type(self, rest: memoryview) -> None:
        """Type *rest* as the shell takes it; the network is not read meanwhile."""
        while rest and not self._ending.done() and not self._websocket.is_gone:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._terminal.writable()
            except TimeoutError:
                self.send(PING)  # only writing shows that nobody is there while nothing is read
            rest = self._terminal.write(rest)
        self._is_typing = False
        self._websocket.resume()

    async def _ping_forever(self) -> None:
        while True:
            self._pinged_at_s = time.monotonic()
            self.send(PING)
            await asyncio.sleep(PING_EVERY_S)
            if self._is_typing:
                self._websocket.heard_at_s = self._loop.time()  # nothing is read, and that is not silence
            elif self._loop.time() - self._websocket.heard_at_s > SILENCE_S:
                await self._websocket.abort()

    async def _close(self, ending: Ending) -> None:
        if ending is EXITED and self._terminal.ending is EXITED:
            try:
                async with asyncio.timeout(LAST_WORDS_S):
                    await self._last_words()
            except TimeoutError:
                await self._websocket.abort()
        await self._websocket.close(ending)

    async def _last_words(self) -> None:
        """Send what is left, without waiting for acknowledgements."""
        if self._pump is not None:
            await self._pump
        while not self._websocket.is_gone and self._send_some(CHUNK_BYTES):
            await self._websocket.drained()
        self.farewell()
