"""`launch`: phases in front of the image being ready belong to this process, the rest to the instance.

So a launch killed during the download leaves nothing, and one killed later comes up by itself.
"""

import os
import time
from typing import NamedTuple

from .daemon import NO_DAEMON, contact
from .faults import Faults
from .furnish import furnish
from .grammar import Call
from .images import Image, missing_file
from .instances import Instance, Timeline
from .machine import Machine
from .processes import Process
from .request import Request, check_request, free_name, read_request
from .spinner import Spinner, reporting
from .terminal import Failed, complain, emit, log_prefix

_DISK_OF_IMAGE_BYTES = 1_677_721_600
_STARTING_SHARE = 0.1
_STARTING_AT_MOST_S = 0.5
"""The beginning of the boot in which the state is `Starting`; it is `Unknown` afterwards."""


class _Phase(NamedTuple):
    name: str
    share: float
    """Of the whole launch."""
    text: str


_CREATING = _Phase("Creating", 0.08, "Creating {name}")
_RETRIEVING = _Phase("Retrieving image", 0.35, "Retrieving image: ")
_VERIFYING = _Phase("Verifying image", 0.05, "Verifying image: ")
_PREPARING = _Phase("Preparing image", 0.1, "Preparing image for {name}")
_CONFIGURING = _Phase("Configuring", 0.02, "Configuring {name}")
_STARTING = _Phase("Starting", 0.3, "Starting {name}")
_WAITING = _Phase("Waiting for initialization to complete", 0.1, "Waiting for initialization to complete")


def run(call: Call, machine: Machine) -> int:
    """Make an instance and wait until it runs."""
    timeout_s = call.timeout_s()
    request = read_request(call)
    with reporting(Spinner(timeout_s, "instance launch")) as spinner:
        name = launch(machine, request, spinner)
        spinner.stop()
        emit(f"Launched: {name}\n")
    return 0


def launch(machine: Machine, request: Request, spinner: Spinner) -> str:
    """Do it, showing progress; return the name."""
    faults = contact(machine, "launch", spinner.tick)
    with machine.changing() as state:
        image = check_request(request, state)
        name = request.name or free_name(state)
        state.preparing[name] = Process.of(os.getpid())
        is_new = not state.images.get(image.hash)
    try:
        _Run(machine, request, image, name, faults, spinner).go(is_new=is_new)
    finally:
        with machine.changing() as state:
            if state.preparing.get(name, Process(0, "")).pid == os.getpid():
                del state.preparing[name]
    return name


class _Run:
    """One launch, phase by phase."""

    def __init__(
        self, machine: Machine, request: Request, image: Image, name: str, faults: Faults, spinner: Spinner
    ) -> None:
        self._machine = machine
        self._request = request
        self._image = image
        self._name = name
        self._faults = faults
        self._spinner = spinner

    def go(self, *, is_new: bool) -> None:
        """Go through the phases that this image needs."""
        is_file = self._image.name.startswith("file://")
        is_downloaded = is_new if self._faults.download == "first" else self._faults.download == "always"
        self._phase(_CREATING)
        if is_downloaded and not is_file:
            self._phase(_RETRIEVING)
            self._phase(_VERIFYING)
        if is_downloaded or is_file:
            self._phase(_PREPARING)
        self._phase(_CONFIGURING)
        self._start()

    def _phase(self, phase: _Phase) -> None:
        began_at = time.time()
        if phase is _RETRIEVING:
            self._download(began_at, phase.share * self._faults.launch_s)
        else:
            self._spinner.message(phase.text.format(name=self._name))
            self._fail_if_asked(phase)
            self._spinner.wait_until(began_at + phase.share * self._faults.launch_s)
        if phase is _PREPARING and self._request.disk_bytes < _DISK_OF_IMAGE_BYTES:
            raise Failed(
                f"launch failed: Requested disk ({self._request.disk_bytes} bytes) "
                f"below minimum for this image ({_DISK_OF_IMAGE_BYTES} bytes)"
            )

    def _download(self, began_at: float, takes_s: float) -> None:
        for percent in range(1, 101):
            self._spinner.percent(_RETRIEVING.text, percent)
            if percent == 50:
                self._fail_if_asked(_RETRIEVING)
            self._spinner.wait_until(began_at + takes_s * percent / 100)

    def _start(self) -> None:
        """Hand over to the instance's timeline, then watch it."""
        now, launch_s = time.time(), self._faults.launch_s
        boot_s = self._faults.boot_s
        up_at = now + (_STARTING.share * launch_s if boot_s < 0 else boot_s)
        self._create(self._timeline(now, up_at))
        self._spinner.message(_STARTING.text.format(name=self._name))
        self._spinner.wait_until(up_at)
        self._fail_if_asked(_STARTING)
        current = self._machine.read().instances.get(self._name)
        if current is None or current.state_at(time.time()) != "Running":
            raise Failed(
                f"launch failed: The following errors occurred:\n{self._name}: instance shutdown during start"
            )
        self._spinner.message(_WAITING.text)
        self._spinner.wait_until(up_at + _WAITING.share * launch_s)
        self._fail_if_asked(_WAITING)

    def _timeline(self, now: float, up_at: float) -> Timeline:
        starting_s = min((up_at - now) * _STARTING_SHARE, _STARTING_AT_MOST_S)
        booting = ((now, "Starting"), (now + starting_s, "Unknown"))
        if self._asked_phase(self._faults.fail_launch) == _STARTING.name:
            return booting
        if self._asked_phase(self._faults.crash) == _STARTING.name:
            return (*booting, (up_at, "Stopped"))
        return (*booting, (up_at, "Running"))

    def _create(self, timeline: Timeline) -> None:
        request, image = self._request, self._image
        furnish(self._machine, self._name, request.user_data)
        with self._machine.changing() as state:
            state.preparing.pop(self._name, None)
            state.images[image.hash] = True
            state.instances[self._name] = Instance(
                name=self._name,
                cpus=request.cpus,
                memory_bytes=request.memory_bytes,
                disk_bytes=request.disk_bytes,
                image_hash=image.hash,
                image_release=image.release,
                os_release=f"Ubuntu {image.release or '24.04 LTS'}",
                ipv4=self._machine.next_address(state),
                timeline=((0.0, "Stopped"), *timeline),
            )

    def _asked_phase(self, asked: str) -> str:
        return asked.partition(":")[0].strip()

    def _fail_if_asked(self, phase: _Phase) -> None:
        if phase is _CREATING and (path := missing_file(self._image)):
            raise Failed(f"launch failed: Custom image `{path}` does not exist.")
        if self._asked_phase(self._faults.crash) == phase.name:
            raise Failed(f"launch failed: {NO_DAEMON}")
        if self._asked_phase(self._faults.fail_launch) == phase.name:
            given = self._faults.fail_launch.partition(":")[2].strip()
            raise Failed(f"launch failed: {given or self._usual_error(phase)}")

    def _usual_error(self, phase: _Phase) -> str:
        if phase in {_CREATING, _RETRIEVING}:
            url = (
                self._image.name if "://" in self._image.name else f"https://images.invalid/{self._image.key}"
            )
            complain(f"{log_prefix('url downloader')}Cannot retrieve headers for {url}: Connection refused\n")
            return f"failed to download from '{url}': Connection refused"
        if phase is _VERIFYING:
            return (
                f"Hash of {self._machine.path}/images/{self._image.key}.img does not match {self._image.hash}"
            )
        if phase in {_PREPARING, _CONFIGURING}:
            return "Internal error: qemu-img failed (Process returned exit code: 1)"
        if phase is _STARTING:
            return f"The following errors occurred:\n{self._name}: timed out waiting for response"
        return "The following errors occurred:\ntimed out waiting for initialization to complete"
