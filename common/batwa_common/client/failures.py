"""From an answer that is no success to the exception of its code."""

from http import HTTPStatus

from pydantic import ValidationError

from batwa_common.errors import (
    BatwaError,
    Conflict,
    Forbidden,
    HubMisbehaved,
    HubUnreachable,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    TooManyRequests,
)
from batwa_common.wire.base import Wire

_BY_STATUS: dict[int, type[BatwaError]] = {
    cls.status: cls
    for cls in (InvalidRequest, NotAuthenticated, Forbidden, NotFound, Conflict, TooManyRequests)
}
_FROM_A_PROXY = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


class _Told(Wire):
    """What may be in the body of a failure, of a Batwa hub or of another that speaks a documented API."""

    code: str | None = None
    detail: str | None = None
    error: str | None = None
    request_id: str | None = None


def failure(
    status: int,
    body: bytes,
    *,
    url: str,
    request_id: str | None = None,
    retry_after_s: float | None = None,
) -> BatwaError:
    """Return the exception for an answer of *status*: the class of the body's code.

    A code that this version does not know gives a `BatwaError` with that status; no code at all,
    as other servers answer, the class that stands for the status.
    """
    told = _told(body)
    sentence = told.detail or told.error or f"{url} answered {status}"
    if told.code is not None:
        err = BatwaError.by_code.get(told.code, BatwaError)(sentence)
    elif status in _FROM_A_PROXY:
        err = HubUnreachable(f"{url} answered {status}: a proxy, and the hub behind it does not answer")
    elif status < HTTPStatus.BAD_REQUEST:
        err = HubMisbehaved(f"{url} answered {status} where a Batwa hub does not; check the address")
    else:
        err = _BY_STATUS.get(status, BatwaError)(sentence)
    err.status = status
    err.request_id = told.request_id or request_id
    err.retry_after_s = retry_after_s
    return err


def _told(body: bytes) -> _Told:
    try:
        return _Told.model_validate_json(body)
    except ValidationError:
        return _Told()
