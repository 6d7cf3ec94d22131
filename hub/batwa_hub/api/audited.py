"""What changes something, and what is refused, goes to the audit log: from here and from nowhere else."""

import json
import re
import time
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from batwa_common.errors import BatwaError
from batwa_common.web.body import ASKED
from batwa_common.web.problems import REQUEST_ID
from batwa_common.web.routes import CALLER, ROUTE, Route
from batwa_common.wire.audit import AuditEntry, AuditOutcome
from batwa_hub.hub import HUB

from .access import GRANT, address_of
from .sessions import LOGIN

READS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
WORTH_IT = frozenset({"/api/recordings/{id}/cast", "/api/audit/export", "/api/auth/oidc/callback"})
"""Reads that are recorded too: what somebody typed, what everybody did, and a login."""
MACHINES = frozenset(
    {
        *("/api/agent/heartbeat", "/api/agent/link", "/api/agent/dial/{token}"),
        *("/api/process/dial/{agent_id}", "/api/p2p/receive"),
    }
)
"""What programs that have proved who they are call all the time: only refusals are recorded."""
REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
TARGETS = ("name", "vm_name", "vm_id", "username", "terminal_id", "id", "share_id", "peer_id", "address")
"""What a request is about, in the order in which the more telling comes first; `agent_id` stands apart."""
TARGET_CHARS = 255
DETAIL_CHARS = 2000
"""Of what was asked for; the rest is left out."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


class Actor(NamedTuple):
    """Who acts."""

    who: str = ""
    how: Literal["", "user", "token", "peer", "agent", "link"] = ""


class Opened(NamedTuple):
    """A relayed connection that is open."""

    terminal_id: str | None
    at_s: float


PROVED = web.RequestKey("proved", Actor)
"""Set by what lets somebody in: a login, a registration, a link."""
OPENED = web.RequestKey("opened", Opened)


@web.middleware
async def audited(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Record what comes of *request*, before it is answered."""
    try:
        response = await handler(request)
    except BatwaError as err:
        await _record(request, err.status, code=err.code)
        raise
    except web.HTTPException as err:
        await _record(request, err.status)
        raise
    except Exception:
        await _record(request, HTTPStatus.INTERNAL_SERVER_ERROR, code="internal")
        raise
    await _record(request, response.status, made=response.headers.get(hdrs.LOCATION))
    return response


async def opened(request: web.Request, terminal_id: str | None) -> None:
    """Record that a relayed connection is open; its end is recorded by `audited`."""
    await _record(request, HTTPStatus.SWITCHING_PROTOCOLS, terminal=terminal_id)
    request[OPENED] = Opened(terminal_id, time.monotonic())


async def _record(request: web.Request, status: int, **came: str | None) -> None:
    route = request.get(ROUTE)
    if route is None or not _matters(request, route, status):
        return
    actor, asked, details = _actor(request), _asked(request), dict[str, Any](came)
    if (seen := request.get(OPENED)) is not None:
        details |= {"terminal": seen.terminal_id, "ended_after_s": round(time.monotonic() - seen.at_s, 1)}
    entry = AuditEntry(
        **actor._asdict(),
        address=address_of(request),
        action=f"{route.method} {route.path}",
        target=details.get("terminal") or _first(asked, *TARGETS),
        agent_id=_first(asked, "agent_id"),
        outcome=_outcome(status),
        status=status,
        code=details.pop("code", None),
        request_id=request.get(REQUEST_ID),
        details=_bounded({**asked, **{name: value for name, value in details.items() if value is not None}}),
    )
    await request.app[HUB].audit.record(entry)


def _matters(request: web.Request, route: Route, status: int) -> bool:
    changes = request.method not in READS or route.path in WORTH_IT
    changes = changes or route.status == HTTPStatus.SWITCHING_PROTOCOLS
    if status in REFUSALS:
        shown = hdrs.AUTHORIZATION in request.headers or "X-API-Key" in request.headers
        return changes or shown or _actor(request).who != ""
    return changes and route.path not in MACHINES


def _actor(request: web.Request) -> Actor:
    """Return who acts, also if the guard has refused them afterwards."""
    proved: Actor | None = request.get(PROVED)
    if proved is not None:
        return proved
    if (caller := request.get(CALLER)) is not None and caller.name:
        return Actor(caller.name, caller.kind)
    if (grant := request.get(GRANT)) is not None:
        return Actor(f"{grant.owner}/{grant.name}", "token")
    if (login := request.get(LOGIN)) is not None:
        return Actor(login.username, "user")
    return Actor()


def _asked(request: web.Request) -> dict[str, Any]:
    """Return what was asked for, without its secrets: what is in the path, the query and the body."""
    told: dict[str, Any] = {}
    for understood in request.get(ASKED, ()):
        told |= understood.told()
    return told | dict(request.match_info)


def _outcome(status: int) -> AuditOutcome:
    if status in REFUSALS:
        return "refused"
    return "done" if status < HTTPStatus.BAD_REQUEST else "failed"


def _first(asked: dict[str, Any], *names: str) -> str | None:
    """Return the first of *names* that was given, safe to show."""
    for name in names:
        if isinstance(value := asked.get(name), str) and value:
            return _UNPRINTABLE.sub("�", value)[:TARGET_CHARS]
    return None


def _bounded(details: dict[str, Any]) -> dict[str, Any]:
    """Return *details*, safe to store; what is longer than `DETAIL_CHARS` as the beginning of its text."""
    text = json.dumps(details)  # what a database may refuse is escaped
    return json.loads(text) if len(text) <= DETAIL_CHARS else {"beginning": text[:DETAIL_CHARS]}
