"""Agents' keys: shown once, bound to one agent, gone when revoked."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet, MultiFernet

from batwa_common.errors import InvalidApiKey, NotFound, Unavailable
from batwa_hub.services.keys import TOUCH_S, AgentKeys
from batwa_hub.store.database import Database
from batwa_hub.store.tables import agent_keys

START = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def cipher() -> MultiFernet:
    return MultiFernet([Fernet(Fernet.generate_key())])


@pytest.fixture
def keys(database: Database, cipher: MultiFernet) -> AgentKeys:
    return AgentKeys(database, cipher)


async def test_a_key_is_told_once_and_kept_nowhere_in_the_clear(keys: AgentKeys, database: Database) -> None:
    issued = await keys.issue("Oslo", "oslo-1")

    assert re.fullmatch(r"bak_[A-Za-z0-9_-]{43}", issued.api_key)
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(agent_keys))).one()
    assert issued.api_key not in repr(row)
    (shown,) = await keys.find_all()
    assert (shown.id, shown.name, shown.agent_id) == (issued.id, "Oslo", "oslo-1")
    assert "api_key" not in shown.model_dump()


async def test_the_hub_can_present_a_key_to_its_agent(keys: AgentKeys) -> None:
    issued = await keys.issue("Oslo")

    assert await keys.secret_of(issued.id) == issued.api_key


async def test_another_key_file_opens_nothing_and_says_so(keys: AgentKeys, database: Database) -> None:
    issued = await keys.issue("Oslo")
    other = AgentKeys(database, MultiFernet([Fernet(Fernet.generate_key())]))

    with pytest.raises(Unavailable, match=r"secret\.key is not the one it was encrypted with") as no:
        await other.secret_of(issued.id)
    assert "Restore that file from a backup, or make the agent a new key." in str(no.value)


async def test_a_rotated_key_file_opens_the_old_secrets(
    keys: AgentKeys, database: Database, cipher: MultiFernet
) -> None:
    issued = await keys.issue("Oslo")
    rotated = MultiFernet([Fernet(Fernet.generate_key()), *cipher._fernets])

    assert await AgentKeys(database, rotated).secret_of(issued.id) == issued.api_key


async def test_a_key_opens_for_its_agent_only(keys: AgentKeys) -> None:
    issued = await keys.issue("Oslo", "oslo-1")

    assert (await keys.authenticate(issued.api_key, "oslo-1")).id == issued.id
    assert (await keys.authenticate(issued.api_key, None)).agent_id == "oslo-1"
    with pytest.raises(InvalidApiKey, match="it is for the agent 'oslo-1', not for 'rome-1'"):
        await keys.authenticate(issued.api_key, "rome-1")


async def test_a_key_of_no_agent_is_bound_at_first_use(keys: AgentKeys) -> None:
    issued = await keys.issue("any")
    assert (await keys.authenticate(issued.api_key, None)).agent_id is None

    assert (await keys.authenticate(issued.api_key, "rome-1")).agent_id == "rome-1"

    assert (await keys.find_all())[0].agent_id == "rome-1"
    with pytest.raises(InvalidApiKey, match="it is for the agent 'rome-1', not for 'oslo-1'"):
        await keys.authenticate(issued.api_key, "oslo-1")


async def test_of_agents_that_come_at_once_with_an_unbound_key_one_gets_it(keys: AgentKeys) -> None:
    issued = await keys.issue("any")

    answers = await asyncio.gather(
        *(keys.authenticate(issued.api_key, f"agent-{n}") for n in range(10)), return_exceptions=True
    )

    (winner,) = [each for each in answers if not isinstance(each, InvalidApiKey)]
    assert not isinstance(winner, BaseException)
    assert (await keys.find_all())[0].agent_id == winner.agent_id


@pytest.mark.parametrize("wrong", ["", "bak_", "bak_" + "A" * 43, "x" * 100_000, "ünïcode"])
async def test_an_unknown_key_is_told_where_to_get_one(keys: AgentKeys, wrong: str) -> None:
    await keys.issue("Oslo")

    with pytest.raises(
        InvalidApiKey, match=r"^Invalid API key: unknown or revoked\. Make a new one with"
    ) as no:
        await keys.authenticate(wrong, "oslo-1")
    assert "set it as BATWA_AGENT_API_KEY on the agent's machine" in str(no.value)


async def test_a_revoked_key_is_worth_nothing_at_once(keys: AgentKeys) -> None:
    issued = await keys.issue("Oslo", "oslo-1")
    await keys.authenticate(issued.api_key, "oslo-1")

    await keys.revoke(issued.id)

    with pytest.raises(InvalidApiKey, match="unknown or revoked"):
        await keys.authenticate(issued.api_key, "oslo-1")
    with pytest.raises(InvalidApiKey, match="has been revoked"):
        await keys.secret_of(issued.id)
    with pytest.raises(NotFound, match=f"^There is no agent key '{issued.id}'.$"):
        await keys.revoke(issued.id)


async def test_a_key_that_another_process_revokes_ends_what_it_holds(
    keys: AgentKeys, database: Database, cipher: MultiFernet
) -> None:
    issued = await keys.issue("Oslo", "oslo-1")
    ended: list[str] = []
    with keys.ends(issued.id, lambda: ended.append(issued.id)):
        await keys.look()
        assert not ended

        await AgentKeys(database, cipher).revoke(issued.id)
        await keys.look()

    assert ended == [issued.id]
    with pytest.raises(InvalidApiKey, match="unknown or revoked"):
        await keys.authenticate(issued.api_key, "oslo-1")


async def test_many_that_come_at_once_are_looked_up_together(database: Database, cipher: MultiFernet) -> None:
    keys = AgentKeys(database, cipher)
    issued = [await keys.issue(f"agent-{n}", f"agent-{n}") for n in range(30)]
    begun: list[str] = []
    async with database.reading() as connection:
        engine = connection.sync_connection.engine if connection.sync_connection else None
    assert engine is not None
    sa.event.listen(engine, "begin", lambda _: begun.append("transaction"))

    found = await asyncio.gather(*(keys.authenticate(each.api_key, None) for each in issued))

    assert [key.id for key in found] == [each.id for each in issued]
    assert len(begun) == 2, "the first by itself, all others together"


async def test_use_is_written_once_a_minute_at_most(database: Database, cipher: MultiFernet) -> None:
    passed = [0.0]
    keys = AgentKeys(database, cipher, now=lambda: START + timedelta(seconds=passed[0]))
    issued = await keys.issue("Oslo", "oslo-1")
    written = set()
    for _ in range(int(3 * TOUCH_S)):
        await keys.authenticate(issued.api_key, "oslo-1")
        written.add((await keys.find_all())[0].last_used_at)
        await keys.look()
        passed[0] += 1

    assert len(written) == 3
    assert {(await AgentKeys(database, cipher).find_all())[0].last_used_at} <= written
