"""Recordings over HTTP: listed, told about, downloaded, removed."""

from contextlib import aclosing

from aiohttp import web

from batwa_agent.agent import AGENT
from batwa_common.web.body import respond
from batwa_common.web.routes import Access, Route
from batwa_common.wire.documented import Done
from batwa_common.wire.recording import Recording, Recordings

CAST_TYPE = "application/x-asciicast"


async def list_recordings(request: web.Request) -> web.Response:
    """GET /api/recordings"""
    return respond(Recordings(recordings=tuple(await request.app[AGENT].recordings.find())))


async def get_recording(request: web.Request) -> web.Response:
    """GET /api/recordings/{id}"""
    return respond(await request.app[AGENT].recordings.get(request.match_info["id"]))


async def download(request: web.Request) -> web.StreamResponse:
    """GET /api/recordings/{id}/cast: what there is of it now, in whole lines"""
    size, chunks = await request.app[AGENT].recordings.read(request.match_info["id"])
    answer = web.StreamResponse(headers={"Content-Type": CAST_TYPE, "Content-Length": str(size)})
    async with aclosing(chunks):
        await answer.prepare(request)
        async for chunk in chunks:
            await answer.write(chunk)  # returns when the network has taken most of it
    await answer.write_eof()
    return answer


async def remove(request: web.Request) -> web.Response:
    """DELETE /api/recordings/{id}"""
    recording_id = request.match_info["id"]
    await request.app[AGENT].recordings.remove(recording_id)
    return respond(Done(message=f"Recording '{recording_id}' removed"))


ROUTES = [
    Route("GET", "/api/recordings", list_recordings, Access.VIEWER, gives=Recordings),
    Route("GET", "/api/recordings/{id}", get_recording, Access.VIEWER, gives=Recording),
    Route("GET", "/api/recordings/{id}/cast", download, Access.VIEWER),
    Route("DELETE", "/api/recordings/{id}", remove, Access.OPERATOR, gives=Done),
]
