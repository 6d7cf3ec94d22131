"""`start`, `stop`, `restart`, `suspend`: a timeline is written, then waited for.

Whoever is killed while waiting changes nothing: the instance goes on along its timeline.
"""

import time

from .daemon import contact
from .grammar import Call
from .inside import sweep
from .instances import UP, Instance
from .launch import launch
from .machine import Machine, State
from .request import read_request
from .settings import PRIMARY_NAME
from .spinner import Spinner, reporting
from .terminal import Failed

_ING = {"start": "Starting", "stop": "Stopping", "restart": "Restarting", "suspend": "Suspending"}
_WORKS = {"start": ("Stopped", "Suspended"), "stop": UP, "restart": UP, "suspend": UP}


def run(call: Call, machine: Machine) -> int:
    """Do it to the named instances, all, or the primary one; fail as a whole if one of them is missing."""
    if call.names and "all" in call.options:
        raise Failed("Cannot specify name when --all option set", 1)
    names = list(call.names) or ([] if "all" in call.options else [PRIMARY_NAME])
    spinner = Spinner(call.timeout_s(), f"instance to {call.command}")
    with reporting(spinner):
        spinner.start(f"{_ING[call.command]} {_what(names)}")
        contact(machine, call.command, spinner.tick)
        is_new = (
            call.command == "start"
            and names == [PRIMARY_NAME]
            and PRIMARY_NAME not in machine.read().instances
        )
        if not is_new:
            change_power(machine, call, names, spinner)
        if call.command in {"start", "restart"}:
            spinner.stop()
    if is_new:
        # an absent instance named like the configured primary one is launched instead
        with reporting(spinner):
            launch(machine, read_request(Call("launch", {"name": PRIMARY_NAME}, ())), spinner)
    return 0


def change_power(machine: Machine, call: Call, names: list[str], spinner: Spinner) -> None:
    """Do what *call* says to *names* (none: all of them) and wait for it."""
    _wait_for_starts(machine, call, names, spinner)
    with machine.changing() as state:
        names = names or [i.name for i in state.instances.values() if not i.deleted]
        refuse_absent(call.command, names, state)
        for name in names:
            _refuse_state(call, state.instances[name], time.time())
        begun = [_begin(machine, call, state, state.instances[name]) for name in names]
    until = max((i.timeline[-1][0] for i in begun if "time" not in call.options), default=0.0)
    spinner.wait_until(until)
    sweep(machine)


def refuse_absent(command: str, names: list[str], state: State) -> None:
    """Raise `Failed` if one of *names* is unknown or in the trash."""
    absent = [name for name in names if name not in state.instances]
    deleted = [name for name in names if name in state.instances and state.instances[name].deleted]
    if not (absent or deleted):
        return
    if command == "start":
        lines = [f"Instance '{name}' does not exist." for name in absent]
        lines += [
            f"Instance '{name}' is deleted. Use 'recover' to recover it or 'purge' to permanently delete it."
            for name in deleted
        ]
        raise Failed("start failed: instance(s) missing\n" + "\n".join(lines) + "\n\n")
    lines = [f'instance "{name}" does not exist' for name in absent]
    lines += [f'instance "{name}" is deleted' for name in deleted]
    raise Failed(f"{command} failed: The following errors occurred:\n" + "\n".join(lines))


def _wait_for_starts(machine: Machine, call: Call, names: list[str], spinner: Spinner) -> None:
    """Let instances that are just starting come up first, as a second `start` of them does."""
    if call.command == "start":
        known = machine.read().instances
        pending = [known[name] for name in names or known if name in known]
        spinner.wait_until(max((i.settles_at for i in pending), default=0.0))


def _refuse_state(call: Call, instance: Instance, now: float) -> None:
    state, name = instance.state_at(now), instance.name
    if call.command == "stop" and "force" not in call.options:
        if state == "Suspended":
            raise Failed(
                f"stop failed: Cannot shut down suspended instance {name}.\nUse --force to power it off."
            )
        if state in {"Starting", "Unknown", "Restarting"} and not instance.is_stuck:
            raise Failed(
                f"stop failed: Cannot shut down instance {name} while starting.\nUse --force to power it off."
            )
    unknown = f"Instance '{name}' is already running, but in an unknown state.\nTry to"
    if call.command == "restart" and state not in UP:
        raise Failed(f"restart failed: {unknown} stop and start it instead.")
    if call.command == "start" and state == "Unknown":
        raise Failed(f"start failed: The following errors occurred:\n{unknown} stop it first.")
    if call.command == "suspend" and state in {"Starting", "Unknown", "Restarting"}:
        raise Failed(f"suspend failed: Cannot suspend instance {name} while starting.")


def _begin(machine: Machine, call: Call, state: State, instance: Instance) -> Instance:
    """Write the instance's new timeline, unless it is already where it should go."""
    now = time.time()
    current = instance.state_at(now)
    is_forced = call.command == "stop" and "force" in call.options
    is_needed = current in _WORKS[call.command] or is_forced or instance.is_stuck or "cancel" in call.options
    if is_needed and not (is_forced and current == "Stopped"):
        instance = instance.going(
            (instance.timeline[0][0], current), *_timeline(machine, call, instance, now)
        )
        state.instances[instance.name] = instance
        if call.command in {"stop", "restart"} and "time" not in call.options:
            # the daemon serves nobody until the guest is off
            off_at = instance.timeline[-1][0] if call.command == "stop" else instance.timeline[-2][0]
            state.numbers["busy_until"] = max(state.numbers.get("busy_until", 0.0), off_at)
    return instance


def _timeline(machine: Machine, call: Call, instance: Instance, now: float) -> tuple[tuple[float, str], ...]:
    faults = machine.faults()
    if call.command == "start":
        resuming = instance.state_at(now) == "Suspended"
        return (now, "Starting"), (now + faults.start_s / (2 if resuming else 1), "Running")
    if call.command == "suspend":
        return ((now + faults.suspend_s, "Suspended"),)
    if call.command == "restart":
        off_at = now + faults.stop_s
        return (off_at, "Restarting"), (off_at + faults.start_s, "Running")
    if "cancel" in call.options:
        return ((now, "Running"),)
    if "time" in call.options:
        return (now, "Delayed Shutdown"), (now + _delay_s(call.options["time"]), "Stopped")
    if "force" in call.options:
        return ((now, "Stopped"),)
    return ((now + (faults.stuck_stop_s if instance.is_stuck else faults.stop_s), "Stopped"),)


def _delay_s(minutes: str) -> float:
    text = minutes.removeprefix("+")
    if not (text.isascii() and text.isdigit()):
        raise Failed("Time value has to be in minutes", 1)
    return 60.0 * int(text)


def _what(names: list[str]) -> str:
    return "all instances" if not names else names[0] if len(names) == 1 else "requested instances"
