"""What SIGHUP changes in a running hub."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from batwa_common import logs
from batwa_common.reload import Reload

from .api.proxies import TRUSTED
from .hub import HUB
from .settings import Settings


def reloading(app: web.Application, read: Callable[[], Settings]) -> Callable[[], Awaitable[None]]:
    """Return what puts in force what can change in *app* while it runs: some settings, and certificates.

    *read* reads the settings again and may block. What goes wrong is logged.
    """
    settings, tls = Reload(app[HUB].settings, read, _changes(app)), app[HUB].tls

    async def reload() -> None:
        await settings.now()
        if tls is not None:
            tls.hurry()

    return reload


def _changes(app: web.Application) -> Mapping[str, Callable[[Settings], None]]:
    hub = app[HUB]

    def stale_after(new: Settings) -> None:
        hub.registry.stale_after_s = new.agent.stale_after_s

    def idle_timeout(new: Settings) -> None:
        hub.relays.idle_timeout_s = new.terminal.idle_timeout_s

    def trusted(new: Settings) -> None:
        app[TRUSTED][:] = new.trusted_proxies

    return {
        "log_level": lambda new: logs.set_level(new.log_level),
        "trusted_proxies": trusted,
        "agent.stale_after_s": stale_after,
        "terminal.idle_timeout_s": idle_timeout,
        "limit.caller_per_minute": lambda new: hub.paces.callers.change(new.limit.caller_per_minute),
        "limit.stranger_per_minute": lambda new: hub.paces.strangers.change(new.limit.stranger_per_minute),
    }
