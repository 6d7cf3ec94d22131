"""/api/audit: who did what."""

import asyncio

from aiohttp import web

from batwa_common.web.body import read_query, respond
from batwa_common.web.routes import Access, Route
from batwa_common.wire.audit import AuditFilter, AuditPage, AuditQuery
from batwa_hub.hub import HUB

SEND_TIMEOUT_S = 30.0
"""How long a reader may leave what we send unread before it is cut off."""


async def list_records(request: web.Request) -> web.Response:
    """GET /api/audit"""
    return respond(await request.app[HUB].audit.find(read_query(request, AuditQuery)))


async def export(request: web.Request) -> web.StreamResponse:
    """GET /api/audit/export: one record a line, oldest first"""
    asked = read_query(request, AuditFilter)
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    answer = web.StreamResponse(headers={"Content-Type": "application/jsonl", **headers})
    await answer.prepare(request)
    async for page in request.app[HUB].audit.pages(asked):
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await answer.write("".join(f"{record.model_dump_json()}\n" for record in page).encode())
    await answer.write_eof()
    return answer


ROUTES = [
    Route("GET", "/api/audit", list_records, Access.ADMIN, query=AuditQuery, gives=AuditPage),
    Route("GET", "/api/audit/export", export, Access.ADMIN, query=AuditFilter),
]
