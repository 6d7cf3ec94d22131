"""Every failure becomes one kind of body, and is logged here and nowhere else."""

import math
import re
import uuid
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from batwa_common.errors import BatwaError
from batwa_common.wire.problem import Problem

log = structlog.stdlib.get_logger(__name__)

REQUEST_ID = web.RequestKey("request_id", str)
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def problem_response(request: web.Request, *, status: int, code: str, detail: str) -> web.Response:
    """Return the one error body, as RFC 9457 and both documented APIs want it."""
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        error=detail,
        request_id=request.get(REQUEST_ID),
    )
    return web.Response(
        body=problem.model_dump_json(), status=status, content_type="application/problem+json"
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id, and turn every failure into a `Problem` with that id.

    A named error is the caller's business (info, no traceback); anything else is ours
    (error, traceback, and nothing about it in the answer).
    """
    given = request.headers.get("X-Request-Id", "")
    request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
    request[REQUEST_ID] = request_id
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response = await _answer(request, handler)
        if not response.prepared:
            response.headers["X-Request-Id"] = request_id
        return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BatwaError as err:
        log.info("request.refused", method=request.method, path=request.path, code=err.code, detail=str(err))
        answer = problem_response(request, status=err.status, code=err.code, detail=str(err))
        if err.retry_after_s is not None:
            answer.headers["Retry-After"] = str(math.ceil(err.retry_after_s))
        return answer
    except web.HTTPException as err:  # aiohttp's own: no route, wrong method, body too large
        if err.status < HTTPStatus.BAD_REQUEST:
            raise
        code = HTTPStatus(err.status).phrase.lower().replace(" ", "-")
        answer = problem_response(request, status=err.status, code=code, detail=_sentence(request, err))
        if (allow := err.headers.get("Allow")) is not None:
            answer.headers["Allow"] = allow
        return answer
    except Exception:
        log.exception("request.bug", method=request.method, path=request.path)
        detail = "Something broke here; the log has it under the request id."
        return problem_response(request, status=500, code="internal", detail=detail)


def _sentence(request: web.Request, err: web.HTTPException) -> str:
    match err:
        case web.HTTPNotFound():
            return f"There is nothing at {request.path}."
        case web.HTTPMethodNotAllowed():
            return f"{request.method} is not allowed here; {', '.join(sorted(err.allowed_methods))} is."
        case web.HTTPRequestEntityTooLarge():
            return "The request body is too large."
        case web.HTTPRequestTimeout():
            return "The request body took too long."
        case _:
            return err.reason
