"""Whether two releases are the same for those who have to update one: major and minor number count."""

import re

from batwa_common.wire.agent import Skew

_RELEASE = re.compile(r"(\d{1,9})\.(\d{1,9})")


def skew(version: str | None, hubs: str) -> Skew | None:
    """Return what *version* is compared with the hub's; None for the same, and for what is no version."""
    told, ours = _RELEASE.match(version or ""), _RELEASE.match(hubs)
    if told is None or ours is None:
        return None
    one, other = _numbers(told), _numbers(ours)
    return None if one == other else "older" if one < other else "newer"


def _numbers(found: re.Match[str]) -> tuple[int, int]:
    return int(found[1]), int(found[2])
