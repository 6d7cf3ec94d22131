"""What SIGHUP does to a running hub's settings."""

import logging
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from batwa_common.errors import TooManyRequests
from batwa_common.settings import SettingsError
from batwa_hub.app import make_app
from batwa_hub.hub import Hub
from batwa_hub.reload import reloading
from batwa_hub.settings import LimitSettings, Settings


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


async def test_what_can_change_changes_and_the_rest_is_named(hub: Hub) -> None:
    changes = {"limit": LimitSettings(stranger_per_minute=1), "port": 9, "log_level": "error"}
    new = hub.settings.model_copy(update=changes)
    with capture_logs() as lines:
        await reloading(make_app(hub), lambda: new)()
    hub.paces.strangers.take("192.0.2.1")
    with pytest.raises(TooManyRequests):
        hub.paces.strangers.take("192.0.2.1")
    assert logging.getLogger().level == logging.ERROR
    assert {line["event"]: line.get("changed") or line.get("settings") for line in lines} == {
        "settings.reloaded": ["limit.stranger_per_minute", "log_level"],
        "settings.need_restart": ["port"],
    }


async def test_settings_that_cannot_be_used_change_nothing(hub: Hub) -> None:
    def broken() -> Settings:
        raise SettingsError("port: Input should be less than or equal to 65535")

    with capture_logs() as lines:
        await reloading(make_app(hub), broken)()
    assert lines[0]["event"] == "settings.unusable" and "65535" in lines[0]["why"]
