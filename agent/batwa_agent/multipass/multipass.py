"""The driver that runs VMs with the `multipass` program, each call on a pseudo-terminal of its own."""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from batwa_agent.driver import Details, Listed, OnProgress, Progress, Size
from batwa_common.errors import (
    BatwaError,
    DriverFailed,
    VmNotFound,
    VmStateConflict,
)
from batwa_common.wire.agent import DriverStatus
from batwa_common.wire.base import utc_now
from batwa_common.wire.vm import CreateVm, size_bytes, size_text

from .client import Client, OnCall
from .cloud_init import CloudInitFiles
from .health import HUNG_ADVICE, NO_DAEMON, Health
from .images import ImageSources
from .lanes import Lane, SingleFlight
from .parse import (
    Version,
    parse_hypervisor,
    parse_info,
    parse_list,
    parse_setting_bytes,
    parse_setting_count,
    parse_version,
)
from .progress import ProgressParser
from .remote import LOGIN_SHELL, wrapped

_VERSION_AGE = timedelta(minutes=1)
_PARALLEL_GETS = 2
_PARALLEL_ACTIONS = 8
"""Starts, stops and the like at once; a stop blocks the daemon anyway."""
_UBUNTU = re.compile(r"ubuntu-\d\d\.\d\d")
_MARGIN_S = 30.0
"""What Multipass gets beyond the `--timeout` it was told, to say so itself."""


class Deadlines(NamedTuple):
    """Longest waits, in seconds."""

    status_s: float = 5.0
    """What `status` waits for the version before it answers with what it knows."""
    version_s: float = 15.0
    list_s: float = 15.0
    get_s: float = 15.0
    info_s: float = 30.0
    launch_s: float = 1800.0
    """Also told to Multipass, as `--timeout`."""
    start_s: float = 600.0
    """Also told to Multipass, as `--timeout`."""
    stop_s: float = 360.0
    """A guest that ignores it has five minutes from Multipass."""
    restart_s: float = 960.0
    suspend_s: float = 300.0
    delete_s: float = 360.0
    """Of a running VM it is a stop first."""
    recover_s: float = 60.0
    turn_s: float = 7200.0
    """What a launch waits for other launches to end."""


class Multipass:
    """Implements `Driver`. Make it on the event loop that will use it.

    Args:
        program: The binary: a path, or a name that each call looks up on PATH.
        scratch_dir: For cloud-init files while a launch runs, and nothing else; made if missing. Multipass
            must be able to read it: a confined one reads nothing but what is in HOME.
        env: Variables added to the agent's own for every call.
        images: Says where images may come from; left out, anywhere.
        parallel_launches: Launches at once; parallel launches have crashed the daemon.
        deadlines: Longest waits.
        on_call: Told of each call; see `Client`.
        now: Wall clock; tests pass their own.
    """

    def __init__(
        self,
        program: str,
        *,
        scratch_dir: Path,
        env: Mapping[str, str] | None = None,
        images: ImageSources | None = None,
        parallel_launches: int = 1,
        deadlines: Deadlines | None = None,
        on_call: OnCall = lambda *_told: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._files = CloudInitFiles(scratch_dir)
        self._deadlines = deadlines or Deadlines()
        self._now = now
        self._health = Health(now)
        self._client = Client(program, env=env or {}, health=self._health, on_call=on_call)
        self._flights = SingleFlight()
        self._images = images
        self._launches = Lane(parallel_launches)
        self._actions = Lane(_PARALLEL_ACTIONS)
        self._gets = Lane(_PARALLEL_GETS)
        self._infos = Lane(1)
        self._version: Version | None = None
        self._version_at: datetime | None = None
        self._lists_without_asking: bool | None = None
        self._hypervisor: str | None = None

    async def status(self) -> DriverStatus:
        """Tell the version and whether it answers; waits `status_s` at most, and that once a minute."""
        began, status_s = self._now(), self._deadlines.status_s
        try:
            async with asyncio.timeout(status_s):
                await self._refresh_version()
        except TimeoutError:
            silence = f"multipass version has not answered for {status_s:g} s; {HUNG_ADVICE}"
            self._health.doubtful(silence, began)
        except BatwaError as err:
            self._health.doubtful(str(err), began)
        version = self._version.client if self._version else None
        return DriverStatus(
            name="multipass",
            version=version,
            hypervisor=self._hypervisor,
            simulated=bool(version and version.endswith("+sim")),
            problem=self._health.problem,
            problem_since=self._health.problem_since,
        )

    async def list_vms(self) -> list[Listed]:
        """List all VMs, the trash included, without asking any instance where the program can do that."""
        return await self._flights.join("list", self._list)

    async def size(self, name: str) -> Size:
        """Tell what *name* was given, also while it is stopped. Asks no instance."""
        return Size(
            cpus=parse_setting_count(await self._get(f"local.{name}.cpus")),
            memory_bytes=parse_setting_bytes(await self._get(f"local.{name}.memory")),
            disk_bytes=parse_setting_bytes(await self._get(f"local.{name}.disk")),
        )

    async def details(self, name: str) -> Details:
        """Ask one instance. Slow, one at a time; a frozen instance ends in `DriverTimeout`."""
        return await self._flights.join(f"info {name}", lambda: self._info(name))

    async def launch(self, command: CreateVm, on_progress: OnProgress) -> None:
        """Create and start a VM; returns when it runs. At most `parallel_launches` do, others wait."""
        if self._launches.is_full:
            on_progress(Progress("Waiting for another launch to end"))
        if self._images is not None and command.image is not None:
            await self._images.check(command.image)
        within_s = self._deadlines.turn_s
        async with (
            self._launches.place(f"multipass launch {command.name}", within_s=within_s),
            self._user_data(command) as options,
        ):
            arguments = _launch(command, timeout_s=self._deadlines.launch_s)
            deadline_s = self._deadlines.launch_s + _MARGIN_S
            await self._work([*arguments, *options], command.name, deadline_s, on_progress)

    async def start(self, name: str, on_progress: OnProgress) -> None:
        """Start a stopped or suspended VM; returns when it runs.

        Looks first: Multipass *launches* an absent one if it is called like `client.primary-name`.
        """
        await self._must_exist(name)
        start_s = self._deadlines.start_s
        await self._act(["start", "--timeout", f"{start_s:.0f}"], name, start_s, on_progress)

    async def stop(self, name: str, on_progress: OnProgress, *, force: bool) -> None:
        """Shut a VM down, or cut its power with *force*. Multipass answers nobody until a guest is off."""
        command = ["stop", "--force"] if force else ["stop"]
        await self._act(command, name, self._deadlines.stop_s, on_progress)

    async def restart(self, name: str, on_progress: OnProgress) -> None:
        """Shut a running VM down and start it again."""
        await self._act(["restart"], name, self._deadlines.restart_s, on_progress)

    async def suspend(self, name: str, on_progress: OnProgress) -> None:
        """Save a running VM to disk."""
        await self._act(["suspend"], name, self._deadlines.suspend_s, on_progress)

    async def delete(self, name: str, *, purge: bool) -> None:
        """Move a VM to the trash, or remove this one for good. Never the global purge."""
        command = ["delete", "--purge"] if purge else ["delete"]
        await self._act(command, name, self._deadlines.delete_s)

    async def recover(self, name: str) -> None:
        """Bring a VM back from the trash."""
        await self._act(["recover"], name, self._deadlines.recover_s)

    def shell(self, name: str) -> Sequence[str]:
        """Return the argv of an interactive shell in *name*, for a pseudo-terminal."""
        return self.command(name, LOGIN_SHELL)

    def command(self, name: str, command: Sequence[str]) -> Sequence[str]:
        """Return the argv that runs *command* in *name*, word for word; `remote.told` reads its exit code.

        Check that the VM exists and runs before running it: this starts a VM that is stopped.
        """
        return [self._client.program, "exec", name, "--no-map-working-directory", "--", *wrapped(command)]

    async def _refresh_version(self) -> None:
        at, asked_at = self._now(), self._version_at
        back_again = self._version is None and self._health.problem is None
        if asked_at is None or back_again or abs(at - asked_at) >= _VERSION_AGE:
            self._version_at = at
            await self._flights.join("version", self._ask_version)
            if self._hypervisor is None and self._health.problem is None:
                await self._ask_hypervisor()

    async def _ask_version(self) -> None:
        began = self._now()
        text = await self._client.ask("version", "--format", "json", deadline_s=self._deadlines.version_s)
        version = parse_version(text)
        if version.daemon is None:
            self._health.doubtful(NO_DAEMON, began)
        else:
            self._health.reassured()
        if self._version is not None and version.client != self._version.client:
            self._lists_without_asking = None  # another program may know other options
            self._hypervisor = None
        self._version = version

    async def _ask_hypervisor(self) -> None:
        # A Multipass that does not tell is no worse for it: it is asked again with the next version.
        with contextlib.suppress(BatwaError):
            self._hypervisor = parse_hypervisor(await self._get("local.driver"), sys.platform)

    async def _list(self) -> list[Listed]:
        list_s = self._deadlines.list_s
        if self._lists_without_asking is not False:
            try:
                text = await self._client.ask("list", "--no-ipv4", "--format", "json", deadline_s=list_s)
            except DriverFailed as err:
                if "Unknown option" not in str(err):
                    raise
                self._lists_without_asking = False
            else:
                self._lists_without_asking = True
                return await asyncio.to_thread(parse_list, text)
        text = await self._client.ask("list", "--format", "json", deadline_s=list_s)
        return await asyncio.to_thread(parse_list, text)

    async def _get(self, key: str) -> str:
        async with self._gets.place(f"multipass get {key}", within_s=self._deadlines.get_s):
            return await self._client.ask("get", key, of=key, deadline_s=self._deadlines.get_s)

    async def _info(self, name: str) -> Details:
        info_s = self._deadlines.info_s
        async with self._infos.place(f"multipass info {name}", within_s=info_s):
            text = await self._client.ask("info", name, "--format", "json", of=name, deadline_s=info_s)
        return parse_info(text, name)

    async def _must_exist(self, name: str) -> None:
        states = {vm.name: vm.state for vm in await self.list_vms()}
        if name not in states:
            raise VmNotFound(f'instance "{name}" does not exist')
        if states[name] == "Deleted":
            raise VmStateConflict(f'instance "{name}" is in the trash; recover it first')

    async def _act(
        self, command: Sequence[str], name: str, within_s: float, on_progress: OnProgress | None = None
    ) -> None:
        async with self._actions.place(f"multipass {command[0]} {name}", within_s=within_s):
            await self._work([*command, name], name, within_s + _MARGIN_S, on_progress)

    async def _work(
        self, arguments: Sequence[str], name: str, deadline_s: float, on_progress: OnProgress | None
    ) -> None:
        parser = ProgressParser()

        def drawn(chunk: bytes) -> None:
            for progress in parser.feed(chunk):
                if on_progress is not None:
                    on_progress(progress)

        await self._client.ask(*arguments, of=name, deadline_s=deadline_s, on_output=drawn)

    @asynccontextmanager
    async def _user_data(self, command: CreateVm) -> AsyncIterator[list[str]]:
        if command.cloud_init is None:
            yield []
            return
        async with self._files.holding(command.cloud_init) as path:
            yield ["--cloud-init", str(path)]


def _launch(command: CreateVm, *, timeout_s: float) -> list[str]:
    """Return the arguments of a launch. `ubuntu-20.04` is understood; Multipass calls it `20.04`."""
    image = command.image or ""
    if _UBUNTU.fullmatch(image):
        image = image.removeprefix("ubuntu-")
    memory, disk = size_text(size_bytes(command.memory)), size_text(size_bytes(command.disk))
    sizes = ["--cpus", str(command.cpus), "--memory", memory, "--disk", disk]
    timeout = ["--timeout", f"{timeout_s:.0f}"]
    return ["launch", *([image] if image else []), "--name", command.name, *sizes, *timeout]
