"""aiohttp-session over the store: the cookie carries a random id and nothing else."""

from typing import Any

import aiohttp_session
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from batwa_hub.services.sessions import Login, Sessions

COOKIE = "session_id"
"""Also the name of the query parameter that `GET /ws` takes instead, for clients without cookies."""

USER_ID = "user_id"
"""Key of a session's data: who logged in."""

LOGIN = web.RequestKey("login", Login)
"""Set once a request's session has been found."""


def session_middleware(sessions: Sessions, *, secure: bool | None) -> Middleware:
    """Return aiohttp-session's middleware; *secure* None makes the cookie so if the login came by HTTPS."""
    return aiohttp_session.session_middleware(_Storage(sessions, secure=secure))


class _Storage(aiohttp_session.AbstractStorage):
    def __init__(self, sessions: Sessions, *, secure: bool | None) -> None:
        super().__init__(
            cookie_name=COOKIE, max_age=int(sessions.lifetime_s), httponly=True, samesite="Lax", secure=secure
        )
        self._sessions = sessions
        self._secure = secure

    async def load_session(self, request: web.Request) -> aiohttp_session.Session:
        """Return the session of the request's cookie; a new one if it has none that lives."""
        session_id = self.load_cookie(request)
        if session_id is None and request.path == "/ws":
            session_id = request.query.get(COOKIE)
        login = await self._sessions.find(session_id) if session_id else None
        if login is None:
            return await self.new_session()
        request[LOGIN] = login
        return aiohttp_session.Session(
            login.key,
            data={
                "created": int(login.created_at.timestamp()),
                "session": {**login.data, USER_ID: login.user_id},
            },
            new=False,
        )

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: aiohttp_session.Session
    ) -> None:
        """Write a changed session. A login gets a new id always, so that nobody can know it beforehand."""
        if (old := request.get(LOGIN)) is not None:
            await self._sessions.end(old.key)
        if session.empty:
            self.save_cookie(response, "")
            return
        data: dict[str, Any] = dict(session)
        client = request.headers.get(hdrs.USER_AGENT)
        session_id = await self._sessions.begin(
            data.pop(USER_ID), data, address=request.remote, client=client
        )
        self.save_cookie(response, session_id, max_age=self.max_age)
        if self._secure is None and request.secure:
            response.cookies[COOKIE]["secure"] = True
