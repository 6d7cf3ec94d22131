"""The audit log: nothing that changes something is missing from it, and nobody changes it unseen."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient
from pydantic.fields import FieldInfo

from batwa_common.wire.audit import AuditEntry, AuditFilter, AuditQuery, AuditRecord
from batwa_hub.api.routes import ROUTES
from batwa_hub.hub import Hub
from batwa_hub.services.audit.audit import MOST_REFUSALS, PER_KIND, RETRY_S, Audit
from batwa_hub.services.audit.chain import FIRST, PRUNED, Chain, ChainBroken, Head, link
from batwa_hub.store.database import Database
from batwa_hub.store.tables import audit_log

from .conftest import PASSWORD
from .fleet_fakes import register

START = datetime(2026, 11, 21, tzinfo=UTC)


class Clock:
    """A wall clock that the test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def audit(database: Database, clock: Clock) -> Audit:
    return Audit(database, keep=1000, keep_days=30, now=clock, clock=clock.seconds)


def entry(action: str = "POST /api/vm/start", **more: Any) -> AuditEntry:
    return AuditEntry.model_validate(
        {"who": "ada", "how": "user", "action": action, "outcome": "done"} | more
    )


def stranger(**more: Any) -> AuditEntry:
    return entry(who="", how="", outcome="refused", address="192.0.2.1", **more)


async def records(audit: Audit, **asked: Any) -> list[AuditRecord]:
    return [each async for page in audit.pages(AuditFilter.model_validate(asked)) for each in page]


async def test_each_record_names_the_one_before(audit: Audit) -> None:
    for n in range(3):
        await audit.record(entry(target=f"vm-{n}", details={"at": "œ", "n": 1.5}))

    first, second, third = await records(audit)
    assert (first.id, first.previous) == (1, FIRST)
    assert (second.previous, third.previous) == (first.hash, second.hash)
    assert (await audit.verify()).head == Head(3, third.hash)


async def test_what_is_recorded_at_once_is_one_chain(audit: Audit) -> None:
    await asyncio.gather(*(audit.record(entry(target=f"vm-{n}")) for n in range(50)))

    assert sorted(each.target or "" for each in await records(audit)) == sorted(f"vm-{n}" for n in range(50))
    assert (await audit.verify()).count == 50


async def test_two_hubs_on_one_database_write_one_chain(audit: Audit, database: Database, url: str) -> None:
    async with await Database.open(url) as elsewhere:
        other = Audit(elsewhere, keep=1000, keep_days=30)
        await asyncio.gather(*((audit, other)[n % 2].record(entry(target=f"vm-{n}")) for n in range(20)))

    assert (await audit.verify()).count == 20
    del database


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (sa.update(audit_log).where(audit_log.c.id == 3).values(who="eve"), "record 3 was changed"),
        (sa.update(audit_log).where(audit_log.c.id == 3).values(details={}), "record 3 was changed"),
        (sa.delete(audit_log).where(audit_log.c.id == 3), "record 4 does not follow record 2"),
        (sa.delete(audit_log).where(audit_log.c.id <= 2), "up to 2 are missing"),
        (sa.delete(audit_log).where(audit_log.c.id == 5), "record 5 is missing"),
    ],
)
async def test_a_change_by_hand_is_found(
    audit: Audit, database: Database, change: sa.Update | sa.Delete, says: str
) -> None:
    for n in range(5):
        await audit.record(entry(target=f"vm-{n}", details={"n": n}))
    head = (await audit.verify()).head

    async with database.writing() as connection:
        await connection.execute(change)

    with pytest.raises(ChainBroken, match=says):
        await audit.verify(head)


def test_a_log_written_anew_does_not_have_the_old_head() -> None:
    old = link(entry(), Head())
    forged = link(entry(who="eve", at=old.at), Head())
    chain = Chain(Head(old.id, old.hash))
    chain.check(forged)

    with pytest.raises(ChainBroken, match="not the one it was"):
        chain.finish()


async def test_retention_shortens_the_log_and_says_so(audit: Audit, clock: Clock) -> None:
    for n in range(4):
        await audit.record(entry(target=f"vm-{n}", at=clock()))
    head = (await audit.verify()).head
    clock.now += timedelta(days=31)
    await audit.record(entry(target="later", at=clock()))

    await audit.look()
    await audit.look()

    later, pruned = await records(audit)
    assert later.target == "later" and later.id == 5
    assert pruned.action == PRUNED and pruned.details == {"until": 4, "hash": head.hash}
    whole = await audit.verify(head)
    assert whole.count == 2 and whole.has_expected


async def test_a_head_that_was_removed_with_older_records_is_not_taken_for_proof(
    audit: Audit, clock: Clock
) -> None:
    """Whoever can write the database can also shorten the log: what was kept must not seem to be there."""
    await audit.record(entry(target="shameful", at=clock()))
    head = (await audit.verify()).head
    await audit.record(entry(target="another", at=clock()))
    clock.now += timedelta(days=31)
    await audit.record(entry(target="later", at=clock()))
    await audit.look()

    assert not (await audit.verify(head)).has_expected


async def test_more_than_is_kept_goes(database: Database) -> None:
    audit = Audit(database, keep=10, keep_days=30)
    for n in range(15):
        await audit.record(entry(target=f"vm-{n}"))

    await audit.look()

    assert [each.target for each in await records(audit)] == [*(f"vm-{n}" for n in range(5, 15)), None]
    await audit.verify()


async def test_strangers_cannot_fill_the_log(audit: Audit) -> None:
    for _ in range(PER_KIND + 5):
        await audit.record(stranger(target="admin"))
    for n in range(MOST_REFUSALS + 5):
        await audit.record(stranger(target=f"user-{n}"))
    await audit.record(entry(target="my-vm"))
    await audit.look()
    await audit.record(stranger(target="admin"))

    *refused, real, summed, again = await records(audit)
    assert len(refused) == MOST_REFUSALS
    assert real.target == "my-vm" and again.target == "admin"
    assert summed.details == {"unrecorded": 20} and summed.action == "more refusals"


async def test_what_a_failing_database_did_not_take_is_written_later(
    audit: Audit, database: Database, clock: Clock
) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.text("ALTER TABLE audit_log RENAME TO elsewhere"))
    await audit.record(entry(target="first"))  # the action is done: the caller is not told
    await audit.record(entry(target="second"))
    async with database.writing() as connection:
        await connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO audit_log"))
    clock.now += timedelta(seconds=RETRY_S)

    await audit.record(entry(target="third"))

    assert [each.target for each in await records(audit)] == ["first", "second", "third"]


async def test_pages_and_filters(audit: Audit, clock: Clock) -> None:
    for n in range(5):
        await audit.record(entry(target=f"vm-{n}", who=("ada", "bob")[n % 2], at=clock()))
        clock.now += timedelta(hours=1)

    newest = await audit.find(AuditQuery(limit=2))
    assert [each.id for each in newest.records] == [5, 4] and newest.next == 4
    rest = await audit.find(AuditQuery(limit=3, before=newest.next))
    assert [each.id for each in rest.records] == [3, 2, 1] and rest.next is None
    assert {each.target for each in await records(audit, who="bob")} == {"vm-1", "vm-3"}
    assert len(await records(audit, since=START + timedelta(hours=3))) == 2
    assert len(await records(audit, until=START + timedelta(hours=3), action="VM/st")) == 3
    assert not await records(audit, action="%")


async def last(admin: TestClient, **asked: str) -> dict[str, Any]:
    answer = await admin.get("/api/audit", params={"limit": "1", **asked})
    assert answer.status == 200, await answer.text()
    [record] = (await answer.json())["records"]
    return dict(record)


async def test_who_did_what_from_where_is_recorded(admin: TestClient) -> None:
    body = {"name": "bob", "password": "sesame, open wide", "role": "viewer"}
    answer = await admin.post("/api/users", json=body, headers={"X-Request-Id": "r-1"})
    assert answer.status == 200

    record = await last(admin)

    told = ("who", "how", "action", "target", "outcome", "status", "request_id", "address")
    assert [record[name] for name in told] == [
        *("admin", "user", "POST /api/users", "bob", "done", 200, "r-1", "127.0.0.1")
    ]
    assert record["details"] == {"name": "bob", "role": "viewer"}
    assert "sesame" not in json.dumps(record)


async def test_a_login_is_its_users_and_a_refused_one_a_strangers(admin: TestClient) -> None:
    record = await last(admin)
    assert (record["action"], record["who"], record["how"]) == ("POST /api/auth/login", "admin", "user")

    await admin.post("/api/auth/login", json={"username": "admin", "password": "wrong password"})

    record = await last(admin)
    assert (record["outcome"], record["code"], record["target"]) == ("refused", "not-authenticated", "admin")
    assert "wrong password" not in json.dumps(record)


async def test_whom_the_guard_refuses_is_named(admin: TestClient) -> None:
    made = await (await admin.post("/api/auth/tokens", json={"name": "ci", "role": "viewer"})).json()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert (await admin.get("/api/users", headers=bearer)).status == 403
    record = await last(admin)
    assert (record["who"], record["how"], record["action"]) == ("admin/ci", "token", "GET /api/users")

    assert (await admin.get("/api/vm/list", headers={"Authorization": "Bearer bat_guess"})).status == 401
    record = await last(admin)
    assert (record["who"], record["action"], record["outcome"]) == ("", "GET /api/vm/list", "refused")
    assert made["token"] not in json.dumps(record)


async def test_an_agent_is_recorded_when_it_comes_and_when_it_is_refused(admin: TestClient) -> None:
    headers = await register(admin, "oslo")
    record = await last(admin)
    assert (record["who"], record["agent_id"], record["how"]) == ("agent oslo", "oslo", "agent")

    for agent_id, code in (("oslo", None), ("bergen", "invalid-api-key")):
        await admin.post("/api/agent/heartbeat", json={"agent_id": agent_id}, headers=headers)
        told = await last(admin, action="heartbeat") if code else None
        assert (told["code"] if told else None) == code
    assert len((await (await admin.get("/api/audit?action=heartbeat")).json())["records"]) == 1


async def test_reading_leaves_no_record(admin: TestClient) -> None:
    before = await last(admin)
    for path in ("/api/vm/list", "/api/agent/list", "/api/users", "/api/audit", "/nowhere"):
        await admin.get(path)

    assert await last(admin) == before


async def test_nobody_but_an_admin_reads_it(admin: TestClient) -> None:
    made = await (await admin.post("/api/auth/tokens", json={"name": "op", "role": "operator"})).json()
    bearer = {"Authorization": f"Bearer {made['token']}"}

    for path in ("/api/audit", "/api/audit/export"):
        assert (await admin.get(path, headers=bearer)).status == 403
        admin.session.cookie_jar.clear()
        assert (await admin.get(path)).status == 401


async def test_an_export_can_be_checked_by_whoever_has_it(admin: TestClient, hub: Hub) -> None:
    await admin.post("/api/agent/keys", json={"name": "oslo"})

    answer = await admin.get("/api/audit/export")

    assert answer.content_type == "application/jsonl"
    lines = (await answer.text()).splitlines()
    chain = Chain()
    for line in lines:
        chain.check(AuditRecord.model_validate_json(line))
    chain.finish()
    assert [json.loads(line)["action"] for line in lines] == ["POST /api/auth/login", "POST /api/agent/keys"]
    assert (await last(admin))["action"] == "GET /api/audit/export"
    assert (await hub.audit.verify()).count == 3


async def test_what_was_planted_in_a_name_stays_on_its_line(admin: TestClient) -> None:
    planted = "x%0A%1B[2J2026-11-21 admin done"
    assert (await admin.delete(f"/api/users/{planted}")).status == 404

    target = (await last(admin))["target"]
    assert target == "x��[2J2026-11-21 admin done"
    assert PASSWORD not in target


SECRET = re.compile(
    r"password|secret|token$|api_key|^code$|^current$|^new$|^share$|session_id|stdin|cloud_init"
)


def asked_for() -> Iterator[tuple[str, FieldInfo]]:
    for route in ROUTES:
        for shape in filter(None, (route.takes, route.query)):
            for name, field in shape.model_fields.items():
                yield f"{shape.__name__}.{name}", field


def test_no_secret_of_a_request_can_get_into_the_log() -> None:
    shown = {where for where, field in asked_for() if SECRET.search(where.split(".")[1]) and field.repr}

    assert not shown, "give these fields repr=False"


async def test_an_agent_that_replaces_its_key_is_recorded_without_it(admin: TestClient) -> None:
    headers = await register(admin, "oslo")
    body = {"api_key": "bak_" + "n" * 43}

    answer = await admin.post("/api/agent/key", json=body, headers=headers)

    record = await last(admin)
    assert answer.status == 200, await answer.text()
    assert (record["who"], record["action"]) == ("agent oslo", "POST /api/agent/key")
    assert "nnn" not in json.dumps(record)
