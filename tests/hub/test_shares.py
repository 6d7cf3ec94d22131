"""Links to terminals: what they open, how they end, and that nobody gets in by guessing."""

from contextlib import nullcontext
from datetime import timedelta
from types import SimpleNamespace

import pytest

from batwa_common.errors import Conflict, NotAuthenticated, NotFound, TooManyRequests
from batwa_common.wire.base import utc_now
from batwa_common.wire.share import IssuedShare, NewShare
from batwa_common.wire.token import NewToken
from batwa_common.wire.user import ChangeUser, NewUser
from batwa_hub.services.passwords import Passwords
from batwa_hub.services.rights import Rights
from batwa_hub.services.shares import MOST_SHARES, Shares
from batwa_hub.services.tokens import Tokens
from batwa_hub.services.users import Users
from batwa_hub.store.database import Database

HERE = "192.0.2.7"
TERMINAL = "oslo~0123456789abcdef"


async def issue(shares: Shares, *, owner_id: str | None = None, **more: object) -> IssuedShare:
    asked, page = NewShare.model_validate(more), "https://hub.example/terminal"
    return await shares.issue(TERMINAL, asked, by="ada", owner_id=owner_id, page=page)


async def test_a_link_opens_its_terminal_and_shows_its_secret_once(database: Database) -> None:
    shares = Shares(database)
    made = await issue(shares, mode="write")

    found = await shares.authenticate(made.token, address=HERE)

    assert (found.terminal_id, found.mode, found.created_by) == (TERMINAL, "write", "ada")
    assert made.url == f"https://hub.example/terminal#share={made.token}"
    [listed] = await shares.find(TERMINAL)
    assert listed.id == made.id and made.token not in listed.model_dump_json()
    assert not await shares.find("oslo~ffffffffffffffff")


async def test_the_store_does_not_hold_the_secret(database: Database) -> None:
    made = await issue(Shares(database))
    async with database.reading() as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM terminal_shares")).all()

    assert len(rows) == 1 and made.token not in str(rows)


async def test_revoking_tells_whoever_came_by_the_link_at_once(database: Database) -> None:
    shares, told = Shares(database), []
    made, other = await issue(shares), await issue(shares)
    with (
        shares.ends(made.id, lambda: told.append("ended")),
        shares.ends(other.id, lambda: told.append("wrong")),
    ):
        await shares.revoke(TERMINAL, made.id)
        assert told == ["ended"]
        await shares.look()

    assert told == ["ended"]
    with pytest.raises(NotAuthenticated):
        await shares.authenticate(made.token, address=HERE)
    with pytest.raises(NotFound):
        await shares.revoke(TERMINAL, made.id)


async def test_another_terminals_link_cannot_be_revoked_by_its_id(database: Database) -> None:
    shares = Shares(database)
    made = await issue(shares)

    with pytest.raises(NotFound):
        await shares.revoke("oslo~ffffffffffffffff", made.id)
    await shares.authenticate(made.token, address=HERE)


async def test_a_link_that_another_process_revoked_ends_here_too(database: Database) -> None:
    here, there, told = Shares(database), Shares(database), []
    made = await issue(here)
    with here.ends(made.id, lambda: told.append("ended")):
        await there.revoke(TERMINAL, made.id)
        await here.look()

    assert told == ["ended"]


async def test_a_link_expires_with_what_is_open_through_it(database: Database) -> None:
    clock, told = SimpleNamespace(at=utc_now()), []
    shares = Shares(database, now=lambda: clock.at)
    made = await issue(shares, expires_in_s=60)
    with shares.ends(made.id, lambda: told.append("ended")):
        clock.at += timedelta(seconds=59)
        await shares.look()
        assert not told
        clock.at += timedelta(seconds=1)
        await shares.look()

    assert told == ["ended"] and not await shares.find(TERMINAL)
    with pytest.raises(NotAuthenticated):
        await shares.authenticate(made.token, address=HERE)


async def test_guessing_is_slowed_and_a_right_link_still_works(database: Database) -> None:
    shares = Shares(database)
    made = await issue(shares)
    for n in range(10):
        with pytest.raises(NotAuthenticated):
            await shares.authenticate(f"bts_{n}", address=HERE)

    with pytest.raises(TooManyRequests, match="links"):
        await shares.authenticate("bts_11", address=HERE)
    await shares.authenticate(made.token, address=HERE)


async def test_there_is_a_most_of_links_to_one_terminal(database: Database) -> None:
    shares = Shares(database)
    for _ in range(MOST_SHARES):
        await issue(shares)

    with pytest.raises(Conflict):
        await issue(shares)
    await shares.end_of(TERMINAL)
    assert not await shares.find(TERMINAL)


async def test_a_link_ends_with_whom_it_comes_from(database: Database) -> None:
    shares, tokens, accounts = Shares(database), Tokens(database), Users(database, Passwords())
    ada = {"name": "ada", "password": "long enough", "role": "operator"}
    await accounts.add(NewUser.model_validate(ada))
    ada_id = await accounts.id_of("ada")
    rights = Rights("operator", terminals=True)
    asked = NewToken(name="t", role="operator")
    token = await tokens.issue(asked, user_id=ada_id, rights=rights, with_token=None)
    by_account, by_token = await issue(shares, owner_id=ada_id), await issue(shares, owner_id=token.id)
    by_hub = await issue(shares, owner_id="peer-of-nobody")
    ended: list[str] = []

    async def open_ones() -> set[str]:
        await shares.look()
        found = {share.id for share in await shares.find(TERMINAL)}
        for made in (by_account, by_token, by_hub):
            with nullcontext() if made.id in found else pytest.raises(NotAuthenticated):
                await shares.authenticate(made.token, address=made.id)
        return found

    with (
        shares.ends(by_account.id, lambda: ended.append("account's")),
        shares.ends(by_token.id, lambda: ended.append("token's")),
    ):
        assert await open_ones() == {by_account.id, by_token.id} and not ended
        await tokens.revoke(token.id, user_id=ada_id, rights=rights)
        assert await open_ones() == {by_account.id} and ended == ["token's"]
        await accounts.change("ada", ChangeUser(terminals=False))
        assert await open_ones() == set() and ended == ["token's", "account's"]
    await accounts.change("ada", ChangeUser(terminals=True))
    assert await open_ones() == set()
    for less in (ChangeUser(agents=("rome",)), ChangeUser(disabled=True)):
        by_account = await issue(shares, owner_id=ada_id)
        await accounts.change("ada", ChangeUser(password="another long one"))
        assert await open_ones() == {by_account.id}
        await accounts.change("ada", less)
        assert await open_ones() == set()
