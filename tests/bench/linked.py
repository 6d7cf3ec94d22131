"""Many links in one process: `python -m tests.bench.linked HUB_URL KEYS_FILE` tells how many are up."""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web

from batwa_agent.link import Link
from batwa_agent.trust import Trust
from batwa_common import logs
from batwa_common.supervisor import Supervisor

EVERY_S = 0.05


async def main(hub_url: str, keys: dict[str, str]) -> None:
    """Link them all, and write a line whenever another number of them is up."""
    runner = web.AppRunner(web.Application())
    await runner.setup()
    assert runner.server is not None
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, Supervisor() as tasks:
        links = [
            Link(session, hub_url=hub_url, agent_id=agent_id, api_key=key, trust=Trust())
            for agent_id, key in keys.items()
        ]
        for link in links:
            tasks.spawn(link.run_forever(runner.server), name="link")
        told = -1
        while True:
            if (up := sum(link.trouble is None for link in links)) != told:
                told = up
                print(up, flush=True)
            await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    logs.set_up(level="error", file=None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())))
