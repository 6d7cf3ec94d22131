"""How the client asks: failures, repeats, logins, addresses."""

import asyncio

import pytest
from aiohttp import web

from batwa_common.client import RESTClient
from batwa_common.errors import (
    BatwaError,
    HubMisbehaved,
    HubUnreachable,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    TooManyRequests,
    Unavailable,
    VmExists,
)

from .scripted import ScriptedHub, cut, problem, silence, told

DONE = {"success": True, "message": "done"}


@pytest.mark.parametrize("code", sorted(BatwaError.by_code))
async def test_each_code_is_raised_as_its_class(scripted: ScriptedHub, code: str) -> None:
    cls = BatwaError.by_code[code]
    scripted.will(problem(cls.status, code, "because"))
    async with RESTClient(scripted.url, retries=0) as client:
        with pytest.raises(cls, match="because") as caught:
            await client.list_agents()

    assert type(caught.value) is cls
    assert (caught.value.status, caught.value.request_id) == (cls.status, "r1")


async def test_an_unknown_code_is_a_batwa_error_with_the_status(scripted: ScriptedHub) -> None:
    scripted.will(problem(418, "teapot", "short and stout"))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(BatwaError, match="short and stout") as caught:
            await client.list_agents()

    assert type(caught.value) is BatwaError and caught.value.status == 418


async def test_a_server_that_only_tells_an_error_is_understood(scripted: ScriptedHub) -> None:
    scripted.will(told({"error": "Virtual machine 'x' not found"}, 404))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(NotFound, match="'x' not found"):
            await client.get_vm("x")


async def test_a_read_is_repeated_when_the_connection_breaks(scripted: ScriptedHub) -> None:
    scripted.will(cut, told("bad gateway", 502), problem(503, "unavailable"), told([]))
    async with RESTClient(scripted.url) as client:
        assert await client.list_agents() == []

    assert len(scripted.asked) == 4


async def test_the_repeats_come_to_an_end(scripted: ScriptedHub) -> None:
    scripted.will(problem(503, "unavailable", "full"))
    async with RESTClient(scripted.url, retries=2) as client:
        with pytest.raises(Unavailable, match="full"):
            await client.list_agents()

    assert len(scripted.asked) == 3


async def test_what_the_hub_tells_after_it_tried_is_not_asked_again(scripted: ScriptedHub) -> None:
    scripted.will(problem(504, "agent-timeout"))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(BatwaError.by_code["agent-timeout"]):
            await client.get_vm_info("x")

    assert len(scripted.asked) == 1


async def test_what_could_happen_twice_is_not_repeated(scripted: ScriptedHub) -> None:
    scripted.will(cut)
    async with RESTClient(scripted.url) as client:
        with pytest.raises(HubUnreachable):
            await client.create_agent_key("key")

    assert len(scripted.asked) == 1


async def test_work_is_repeated_under_one_key(scripted: ScriptedHub) -> None:
    scripted.will(cut, problem(409, "vm-exists"))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(VmExists):
            await client.create_vm("x", "22.04")

    first, second = (asked.headers["Idempotency-Key"] for asked in scripted.asked)
    assert first == second


@pytest.mark.parametrize(("status", "code"), [(429, "too-many-requests"), (503, "unavailable")])
async def test_a_hub_that_says_when_to_come_again_is_asked_then(
    scripted: ScriptedHub, status: int, code: str
) -> None:
    clock = asyncio.get_running_loop().time
    scripted.will(problem(status, code, **{"Retry-After": "1"}), told([]))
    async with RESTClient(scripted.url) as client:
        began_s = clock()
        assert await client.list_agents() == []

    assert clock() - began_s >= 1.0 and len(scripted.asked) == 2


@pytest.mark.parametrize("when", ["3600", "Wed, 21 Oct 2122 07:28:00 GMT"])
async def test_a_wait_beyond_the_time_of_the_call_is_told_at_once(scripted: ScriptedHub, when: str) -> None:
    scripted.will(problem(429, "too-many-requests", **{"Retry-After": when}))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(TooManyRequests) as caught:
            await client.list_agents()

    assert (caught.value.retry_after_s or 0) >= 3600 and len(scripted.asked) == 1


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
async def test_too_many_requests_without_a_time_are_not_made_more(
    scripted: ScriptedHub, headers: dict[str, str]
) -> None:
    scripted.will(problem(429, "too-many-requests", **headers))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(TooManyRequests):
            await client.list_agents()

    assert len(scripted.asked) == 1


async def test_what_could_happen_twice_is_not_repeated_after_a_wait_either(scripted: ScriptedHub) -> None:
    scripted.will(problem(429, "too-many-requests", **{"Retry-After": "0"}))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(TooManyRequests):
            await client.create_agent_key("key")
        assert len(scripted.asked) == 1

        scripted.will(problem(429, "too-many-requests", **{"Retry-After": "0"}), problem(409, "vm-exists"))
        with pytest.raises(VmExists):
            await client.create_vm("x", "22.04")

    first, second = (asked.headers["Idempotency-Key"] for asked in scripted.asked[1:])
    assert first == second


async def test_a_hub_that_is_not_there_is_told_as_such() -> None:
    async with RESTClient("http://127.0.0.1:1", retries=1) as client:
        with pytest.raises(HubUnreachable, match="cannot be reached"):
            await client.start_p2p()


async def test_a_silent_hub_is_not_waited_for_without_end(scripted: ScriptedHub) -> None:
    scripted.will(silence)
    async with RESTClient(scripted.url, timeout_s=0.05, retries=0) as client:
        with pytest.raises(HubUnreachable, match="in time"):
            await client.list_agents()


async def test_a_redirection_is_told_and_not_followed(scripted: ScriptedHub) -> None:
    scripted.will(told({}, 301, Location="https://elsewhere.example/"))
    async with RESTClient(scripted.url, token="secret") as client:
        with pytest.raises(HubMisbehaved, match="elsewhere"):
            await client.list_agents()

    assert len(scripted.asked) == 1


async def test_something_else_at_the_address_is_told_as_such(scripted: ScriptedHub) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(text="<html>")

    scripted.will(page)
    async with RESTClient(scripted.url) as client:
        with pytest.raises(HubMisbehaved, match="check the address"):
            await client.list_agents()


@pytest.mark.parametrize("url", ["hub:8000", "ftp://hub", "http://", "http://user:pass@hub"])
async def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidRequest, match="address"):
        RESTClient(url)


async def test_a_token_goes_along_with_each_request(scripted: ScriptedHub) -> None:
    scripted.will(told([]))
    async with RESTClient(scripted.url, token="bat_secret") as client:
        await client.list_agents()

    assert scripted.asked[0].headers["Authorization"] == "Bearer bat_secret"


async def test_a_password_logs_in_when_needed_and_again_when_the_session_ended(
    scripted: ScriptedHub,
) -> None:
    first = told(DONE, **{"Set-Cookie": "session_id=one; Path=/"})
    second = told(DONE, **{"Set-Cookie": "session_id=two; Path=/"})
    scripted.will(first, told([]), problem(401, "not-authenticated"), second, told([]))
    async with RESTClient(scripted.url, username="ada", password="pw") as client:
        assert scripted.asked == []
        await client.list_agents()
        await client.list_agents()
        assert client.session_id == "two"

    assert [asked.path for asked in scripted.asked].count("/api/auth/login") == 2
    assert scripted.asked[0].body == {"username": "ada", "password": "pw"}
    assert scripted.asked[-1].headers["Cookie"] == "session_id=two"


async def test_a_wrong_password_is_not_tried_twice(scripted: ScriptedHub) -> None:
    scripted.will(problem(401, "not-authenticated"))
    async with RESTClient(scripted.url, username="ada", password="pw") as client:
        with pytest.raises(NotAuthenticated):
            await client.list_agents()

    assert len(scripted.asked) <= 2


@pytest.mark.parametrize(
    ("name", "path"), [("a/b?c", "/api/vm/a%2Fb%3Fc"), ("../x", "/api/vm/..%2Fx"), ("ä", "/api/vm/%C3%A4")]
)
async def test_a_name_stays_one_segment_of_the_path(scripted: ScriptedHub, name: str, path: str) -> None:
    scripted.will(problem(404, "vm-not-found"))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(NotFound):
            await client.get_vm(name)
        with pytest.raises(InvalidRequest):
            await client.get_vm("..")

    assert [asked.path for asked in scripted.asked] == [path]
