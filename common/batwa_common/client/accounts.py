"""Who one is, and who else may do what: logins, API tokens, users."""

from collections.abc import Mapping, Sequence

from batwa_common.wire.documented import AuthStatus, Done
from batwa_common.wire.session import Session
from batwa_common.wire.token import IssuedToken, Token
from batwa_common.wire.totp import NewTotp, RecoveryCodes
from batwa_common.wire.user import Me, Role, User

from .http import path_of
from .noun import Noun


class AccountMethods(Noun):
    """Logins, tokens and users."""

    @property
    def session_id(self) -> str | None:
        """The session of the login, if there is one: a secret."""
        return self._http.session_id

    async def login(self, username: str, password: str, code: str | None = None) -> Done:
        """Log in; this client then acts as *username*.

        *code* is of the authenticator app, or a recovery code. Raises `NotAuthenticated`,
        `SecondFactorRequired` if the account wants a code and none is given, `TooManyRequests`.
        """
        return (await self._http.login(username, password, code)).read(Done)

    async def logout(self) -> Done:
        """End the session, with its terminals, and forget who asked."""
        done = await self._http.ask(Done, "POST", "/api/auth/logout")
        await self._http.forget()
        return done

    async def check_auth(self) -> AuthStatus:
        """Tell whether the hub knows who asks, and as whom."""
        return await self._http.ask(AuthStatus, "GET", "/api/auth/check")

    async def get_me(self) -> Me:
        """Return who asks, and what they may do."""
        return await self._http.ask(Me, "GET", "/api/auth/me")

    async def change_password(self, current: str, new: str) -> Done:
        """Change one's own password; one's other sessions end."""
        body = {"current": current, "new": new}
        return await self._http.ask(Done, "POST", "/api/auth/password", body=body)

    async def begin_totp(self, password: str) -> NewTotp:
        """Get a secret for one's authenticator app; it counts after `confirm_totp`. Needs a login."""
        return await self._http.ask(NewTotp, "POST", "/api/auth/totp", body={"password": password})

    async def confirm_totp(self, code: str) -> RecoveryCodes:
        """Have the app count from now on; one's other sessions end."""
        return await self._http.ask(RecoveryCodes, "POST", "/api/auth/totp/confirm", body={"code": code})

    async def renew_recovery_codes(self, code: str) -> RecoveryCodes:
        """Get new recovery codes in the place of all before."""
        where = "/api/auth/totp/recovery-codes"
        return await self._http.ask(RecoveryCodes, "POST", where, body={"code": code})

    async def remove_totp(self, code: str) -> Done:
        """Let the password alone do again."""
        return await self._http.ask(Done, "DELETE", "/api/auth/totp", body={"code": code})

    async def list_sessions(self, username: str | None = None) -> list[Session]:
        """Return one's own logins, or as an admin somebody's. One's own need a login, not a token."""
        where = "/api/auth/sessions" if username is None else path_of("api", "users", username, "sessions")
        return await self._http.ask(list[Session], "GET", where)

    async def end_session(self, session_id: str) -> Done:
        """End one of one's own logins, with its terminals."""
        return await self._http.ask(Done, "DELETE", path_of("api", "auth", "sessions", session_id))

    async def end_sessions(self, username: str | None = None) -> Done:
        """End one's own logins but this one, or as an admin all of somebody's."""
        where = "/api/auth/sessions" if username is None else path_of("api", "users", username, "sessions")
        return await self._http.ask(Done, "DELETE", where)

    async def create_token(
        self,
        name: str,
        *,
        role: Role = "operator",
        terminals: bool | None = None,
        expires_in_s: int | None = None,
        agents: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> IssuedToken:
        """Make an API token; its secret is in this answer and never shown again.

        It may do what *role* may and its owner may as well, on all agents or only on *agents*, or on
        those that carry all of *tags*; with *terminals* also open terminals, which all but viewers may.
        """
        body = {
            "name": name,
            "role": role,
            "terminals": terminals,
            "expires_in_s": expires_in_s,
            "agents": None if agents is None else list(agents),
            "tags": None if tags is None else dict(tags),
        }
        return await self._http.ask(IssuedToken, "POST", "/api/auth/tokens", body=_given(body))

    async def list_tokens(self) -> list[Token]:
        """Return one's own tokens; an admin gets everybody's."""
        return await self._http.ask(list[Token], "GET", "/api/auth/tokens")

    async def delete_token(self, token_id: str) -> Done:
        """Revoke a token; its terminals end at once."""
        return await self._http.ask(Done, "DELETE", path_of("api", "auth", "tokens", token_id))

    async def list_users(self) -> list[User]:
        """Return everybody who may log in."""
        return await self._http.ask(list[User], "GET", "/api/users")

    async def create_user(
        self,
        name: str,
        password: str,
        role: Role = "viewer",
        *,
        terminals: bool | None = None,
        agents: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> User:
        """Let somebody in; the limits are as for `create_token`."""
        body = {
            "name": name,
            "password": password,
            "role": role,
            "terminals": terminals,
            "agents": None if agents is None else list(agents),
            "tags": None if tags is None else dict(tags),
        }
        return await self._http.ask(User, "POST", "/api/users", body=_given(body))

    async def change_user(
        self,
        name: str,
        *,
        role: Role | None = None,
        password: str | None = None,
        terminals: bool | None = None,
        disabled: bool | None = None,
        agents: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> User:
        """Change an account; with less than before, their sessions end. Empty limits lift them."""
        body: dict[str, object] = _given(
            {"role": role, "password": password, "terminals": terminals, "disabled": disabled}
        )
        if agents is not None:
            body["agents"] = list(agents) or None
        if tags is not None:
            body["tags"] = dict(tags)
        return await self._http.ask(User, "PATCH", path_of("api", "users", name), body=body)

    async def reset_second_factor(self, name: str) -> Done:
        """Remove the authenticator app of somebody who has lost it: their password alone does again."""
        return await self._http.ask(Done, "DELETE", path_of("api", "users", name, "totp"))

    async def delete_user(self, name: str) -> Done:
        """Remove somebody, with their sessions and tokens. The last admin stays."""
        return await self._http.ask(Done, "DELETE", path_of("api", "users", name))


def _given(body: Mapping[str, object]) -> dict[str, object]:
    """Return what was not left out."""
    return {key: value for key, value in body.items() if value is not None}
