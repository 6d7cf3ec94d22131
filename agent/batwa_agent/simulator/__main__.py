"""`multipass-sim`: find the command, run it, print how it failed. Commands are imported only when called."""

import signal
import sys
from importlib import import_module

from .daemon import Garbage
from .grammar import ALIASES, COMMANDS, Call, read_call, refuse_not_simulated
from .machine import Machine
from .terminal import Failed, complain, emit


def main() -> int:
    """Run one command line; return its exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return _run(sys.argv[1:])
    except Failed as failure:
        complain(failure.text)
        return failure.code
    except Garbage:
        return 0


def _run(arguments: list[str]) -> int:
    while arguments and arguments[0].startswith("-v") and not arguments[0].strip("-v"):
        arguments = arguments[1:]
    first, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if first == "--version":
        first = "version"
    command = ALIASES.get(first, first)
    if command in {"", "-h", "--help"}:
        return _call(Call("help", {}, ())) or (0 if command else 2)
    refuse_not_simulated(command)
    if command.startswith("-"):
        raise Failed(f"Unknown option '{command.lstrip('-')}'.", 1)
    if command not in COMMANDS:
        emit(f"""Error: Unknown command or alias '{first}' (try "multipass help" or "multipass aliases")\n""")
        return 1
    call = read_call(command, rest)
    return _call(Call("help", {}, (command,)) if call.wants_help else call)


def _call(call: Call) -> int:
    module = import_module(f".{COMMANDS[call.command].module}", __package__)
    return int(module.run(call, Machine.from_environment()))


if __name__ == "__main__":
    sys.exit(main())
