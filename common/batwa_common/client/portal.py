"""An event loop on a thread of its own, and methods that wait for what runs there."""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

P = ParamSpec("P")
R = TypeVar("R")


CANCEL_S = 2.0
"""How long cancelled work may take to end."""


class Portal:
    """Runs coroutines for threads that have no event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="batwa-client", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, R]) -> R:
        """Return what *work* gives. Ctrl-C cancels it, and returns when it has ended."""
        over = threading.Event()

        async def run() -> R:
            try:
                return await work
            finally:
                over.set()

        future = asyncio.run_coroutine_threadsafe(run(), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            over.wait(CANCEL_S)
            raise

    def close(self) -> None:
        """End the loop and its thread; twice is fine."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Twin(Protocol):
    """A synchronous object beside an asynchronous one."""

    @property
    def portal(self) -> Portal:
        """Where the asynchronous one lives."""
        ...

    @property
    def original(self) -> Any:
        """The asynchronous one."""
        ...


async def _awaited(result: Awaitable[R]) -> R:
    return await result


class Waiting(Generic[P, R]):
    """The synchronous form of an asynchronous method, with its signature."""

    def __init__(self, method: Callable[Concatenate[Any, P], Awaitable[R]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, twin: None, owner: type) -> Self: ...
    @overload
    def __get__(self, twin: Twin, owner: type) -> Callable[P, R]: ...
    def __get__(self, twin: Twin | None, owner: type) -> Self | Callable[P, R]:
        """Return the method of *twin*."""
        if twin is None:
            return self

        @functools.wraps(self._method)
        def wait(*args: P.args, **kwargs: P.kwargs) -> R:
            return twin.portal.call(_awaited(self._method(twin.original, *args, **kwargs)))

        return wait


class Iterating(Generic[P, R]):
    """The synchronous form of a method that gives an asynchronous iterator, with its signature."""

    def __init__(self, method: Callable[Concatenate[Any, P], AsyncIterator[R]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, twin: None, owner: type) -> Self: ...
    @overload
    def __get__(self, twin: Twin, owner: type) -> Callable[P, Iterator[R]]: ...
    def __get__(self, twin: Twin | None, owner: type) -> Self | Callable[P, Iterator[R]]:
        """Return the method of *twin*."""
        if twin is None:
            return self

        @functools.wraps(self._method)
        def iterate(*args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
            return _steps(twin.portal, self._method(twin.original, *args, **kwargs))

        return iterate


def _steps(portal: Portal, items: AsyncIterator[R]) -> Iterator[R]:
    try:
        while True:
            try:
                yield portal.call(_awaited(anext(items)))
            except StopAsyncIteration:
                return
    finally:
        if (close := getattr(items, "aclose", None)) is not None:
            portal.call(close())
