"""`batwa-hub agent-key`, `ca`, `secrets`: what the hub proves itself and others by."""

import argparse
import asyncio
import sys

from pydantic import ValidationError

from batwa_common import logs
from batwa_common.settings import SettingsError
from batwa_common.wire.agent import NewAgentKey
from batwa_hub import background
from batwa_hub.rotation import rotate
from batwa_hub.services.keys import AgentKeys
from batwa_hub.services.reencryption import Reencrypted
from batwa_hub.settings import Settings
from batwa_hub.store.database import Database
from batwa_hub.tls.certificates import OwnAuthority, TlsUnusable
from batwa_hub.tls.command import CA_ACTIONS, ca_command

from .audit import entry
from .command import Command, audit_log, key_file, pid_file


def _agent_key(settings: Settings, arguments: argparse.Namespace) -> int:
    try:
        asked = NewAgentKey(name=arguments.name, agent_id=arguments.agent_id)
    except ValidationError as err:
        problem = err.errors()[0]
        raise SettingsError(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}") from err

    async def issue() -> str:
        cipher = await asyncio.to_thread(key_file(settings).open_cipher)
        async with await Database.open(settings.store_url()) as database:
            issued = await AgentKeys(database, cipher).issue(asked.name, asked.agent_id)
            done = entry("agent-key", asked.name, agent_id=asked.agent_id)
            await audit_log(settings, database).record(done)
            return issued.api_key

    logs.set_up(level="warning")
    sys.stdout.write(asyncio.run(issue()) + "\n")
    sys.stderr.write("Set it as BATWA_AGENT_API_KEY on the agent's machine; it is not shown again.\n")
    return 0


def _ca(settings: Settings, arguments: argparse.Namespace) -> int:
    own = OwnAuthority(settings.data_dir.absolute() / "tls")
    if not own.is_made():
        raise TlsUnusable(
            f'There is no CA in {settings.data_dir}: the first start with tls.mode = "auto" makes one.'
        )
    sys.stdout.write(ca_command(own, arguments.what))
    background.tell_to_look(pid_file(settings))
    if arguments.what != "show":
        asyncio.run(_noted(settings, f"ca {arguments.what}", "tls"))
    return 0


async def _noted(settings: Settings, command: str, target: str) -> None:
    async with await Database.open(settings.store_url()) as database:
        await audit_log(settings, database).record(entry(command, target))


def _secrets(settings: Settings, _arguments: argparse.Namespace) -> int:
    file = key_file(settings)

    async def act() -> Reencrypted:
        async with await Database.open(settings.store_url()) as database:
            done = await rotate(file, database)
            await audit_log(settings, database).record(entry("secrets rotate", file.path.name))
            return done

    logs.set_up(level="warning")
    with background.only_one(pid_file(settings), "nowhere: secrets are being rotated"):
        result = asyncio.run(act())
    sys.stdout.write(f"{result.done} secrets are encrypted with the first key of {file.path}.\n")
    if result.lost:
        sys.stdout.write(f"{result.lost} cannot be decrypted; the old keys are kept. Make those anew.\n")
    return 1 if result.lost else 0


def _takes_agent_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="what people call the key")
    parser.add_argument("--agent-id", help="the agent it is for; else the first that uses it")


def _takes_ca(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=CA_ACTIONS, help="show it, replace it, or forget earlier ones")


def _takes_secrets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["rotate"], help="encrypt them with a new key")


COMMANDS = [
    Command(
        "agent-key",
        _agent_key,
        "Make an API key for an agent and print it: the only time it is shown.",
        _takes_agent_key,
    ),
    Command("ca", _ca, "The hub's own certificate authority: show, rotate or retire.", _takes_ca),
    Command(
        "secrets",
        _secrets,
        "Give what the database holds encrypted a new key, while the hub is stopped.",
        _takes_secrets,
    ),
]
