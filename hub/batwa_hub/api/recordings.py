"""/api/recordings: recordings of terminals, which stay at their agents."""

from aiohttp import web

from batwa_common.web.body import respond
from batwa_common.web.routes import Access, Route
from batwa_common.wire.documented import Done
from batwa_common.wire.recording import Recording, Recordings
from batwa_hub.hub import HUB

from .access import fleet_of


async def list_recordings(request: web.Request) -> web.Response:
    """GET /api/recordings"""
    return respond(await request.app[HUB].terminals.recordings(fleet_of(request)))


async def get_recording(request: web.Request) -> web.Response:
    """GET /api/recordings/{id}"""
    recording_id = request.match_info["id"]
    return respond(await request.app[HUB].terminals.recording(fleet_of(request), recording_id))


async def download(request: web.Request) -> web.StreamResponse:
    """GET /api/recordings/{id}/cast: streamed from the agent at the caller's pace"""
    hub, recording_id = request.app[HUB], request.match_info["id"]
    where = hub.terminals.where(fleet_of(request), recording_id, kind="recording")
    hub.registry.require_online(where)
    async with hub.directory.shells(where).cast(recording_id) as (size, chunks):
        name = recording_id.rpartition("~")[2]
        answer = web.StreamResponse(
            headers={
                "Content-Type": "application/x-asciicast",
                "Content-Disposition": f'attachment; filename="{name}.cast"',
            }
        )
        answer.content_length = size
        await answer.prepare(request)
        async for chunk in chunks:
            await answer.write(chunk)  # returns when the network has taken most of it
        await answer.write_eof()
    return answer


async def remove(request: web.Request) -> web.Response:
    """DELETE /api/recordings/{id}"""
    recording_id = request.match_info["id"]
    await request.app[HUB].terminals.remove_recording(fleet_of(request), recording_id)
    return respond(Done(message=f"Recording '{recording_id}' removed"))


ROUTES = [
    Route("GET", "/api/recordings", list_recordings, Access.VIEWER, gives=Recordings),
    Route("GET", "/api/recordings/{id}", get_recording, Access.VIEWER, gives=Recording),
    Route("GET", "/api/recordings/{id}/cast", download, Access.VIEWER),
    Route("DELETE", "/api/recordings/{id}", remove, Access.OPERATOR, gives=Done),
]
