"""What a daemon's `doctor` found, and how it is told."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

STEP_S = 10.0
"""How long one check may take."""


class Wrong(Exception):
    """A check found something: what, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


@dataclass(frozen=True)
class Finding:
    """What one check came to."""

    check: str
    state: Literal["ok", "problem", "skipped"]
    says: str
    mend: str | None = None


async def found(
    name: str, check: Callable[[], Awaitable[str]], *, broken: tuple[type[Exception], ...] = (OSError,)
) -> Finding:
    """Return what *check* came to within `STEP_S`; what is in *broken* means a connection that broke."""
    try:
        async with asyncio.timeout(STEP_S):
            return Finding(name, "ok", await check())
    except Wrong as wrong:
        return Finding(name, "problem", str(wrong), wrong.mend)
    except TimeoutError:
        return _broken(name, f"no answer within {STEP_S:g} s")
    except broken as err:
        return _broken(name, f"the connection broke: {err}")


def _broken(name: str, says: str) -> Finding:
    return Finding(name, "problem", says, "Look at the network in between.")


def report(findings: Sequence[Finding], *, as_json: bool) -> int:
    """Print them; return the exit status, 0 if none found a problem."""
    if as_json:
        sys.stdout.write(json.dumps([asdict(each) for each in findings], indent=2) + "\n")
    for each in findings if not as_json else ():
        sys.stdout.write(f"{each.state:<8} {each.check:<10} {each.says}\n")
        if each.mend is not None:
            sys.stdout.write(f"{'':<19} {each.mend}\n")
    sys.stdout.flush()
    return int(any(each.state == "problem" for each in findings))
