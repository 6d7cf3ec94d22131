"""Multipass's options and arguments, read the way its parser (Qt's) reads them. Source: the recordings."""

from typing import NamedTuple

from .terminal import Failed

_FORMAT = ("format=",)
_TIMEOUT = ("timeout=",)


class Spec(NamedTuple):
    """What one command takes."""

    module: str
    """Module of this package that has `run(call)`."""
    summary: str
    usage: str
    options: tuple[str, ...] = ()
    """`name`, or `x,name` with a short form; a `=` at the end means that it takes a value."""


COMMANDS = {
    "delete": Spec("trash", "Delete instances and snapshots", "<name> [<name> ...]", ("all", "p,purge")),
    "exec": Spec(
        "remote",
        "Run a command on an instance",
        "<name> [--] <command>",
        ("d,working-directory=", "n,no-map-working-directory"),
    ),
    "find": Spec(
        "images",
        "Display available images to create instances from",
        "[<remote:>][<string>]",
        ("show-unsupported", "only-images", "only-blueprints", "force-update", *_FORMAT),
    ),
    "get": Spec("settings", "Get a configuration setting", "[<arg>]", ("raw", "keys")),
    "help": Spec("usage", "Display help about a command", "[<command>]"),
    "info": Spec(
        "info",
        "Display information about instances or snapshots",
        "[<instance>[.snapshot] ...]",
        ("all", "snapshots", "no-runtime-information", *_FORMAT),
    ),
    "launch": Spec(
        "launch",
        "Create and start an Ubuntu instance",
        "[[<remote:>]<image> | <url>]",
        (
            *("c,cpus=", "d,disk=", "m,memory=", "mem=", "n,name="),
            *("cloud-init=", "network=", "bridged", "mount=", *_TIMEOUT),
        ),
    ),
    "list": Spec(
        "listing", "List all available instances or snapshots", "", ("snapshots", "no-ipv4", *_FORMAT)
    ),
    "networks": Spec("networks", "List available network interfaces", "", _FORMAT),
    "purge": Spec("trash", "Purge all deleted instances permanently", ""),
    "recover": Spec("trash", "Recover deleted instances", "<name> [<name> ...]", ("all",)),
    "restart": Spec("power", "Restart instances", "[<name> ...]", ("all", *_TIMEOUT)),
    "shell": Spec("remote", "Open a shell on an instance", "[<name>]", _TIMEOUT),
    "start": Spec("power", "Start instances", "[<name> ...]", ("all", *_TIMEOUT)),
    "stop": Spec("power", "Stop running instances", "[<name> ...]", ("all", "t,time=", "c,cancel", "force")),
    "suspend": Spec("power", "Suspend running instances", "[<name> ...]", ("all",)),
    "version": Spec("version", "Show version details", "", _FORMAT),
}
ALIASES = {"ls": "list", "sh": "shell", "connect": "shell", "delayed-shutdown": "stop"}
NOT_SIMULATED = {
    "alias": "Create an alias",
    "aliases": "List available aliases",
    "authenticate": "Authenticate client",
    "clone": "Clone an instance",
    "mount": "Mount a local directory in the instance",
    "prefer": "Switch the current alias context",
    "restore": "Restore an instance from a snapshot",
    "set": "Set a configuration setting",
    "snapshot": "Take a snapshot of an instance",
    "transfer": "Transfer files between the host and instances",
    "umount": "Unmount a directory from an instance",
    "unalias": "Remove aliases",
}


class Call(NamedTuple):
    """A command with its options and arguments."""

    command: str
    options: dict[str, str]
    """Long names; the last value where one is given twice, empty where none is taken."""
    names: tuple[str, ...]
    wants_help: bool = False

    def timeout_s(self) -> float | None:
        """Return `--timeout`. Raises `Failed` if that is not a positive number."""
        text = self.options.get("timeout")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            raise Failed("error: --timeout value has to be a positive integer", 1)
        return float(text)

    def output_format(self) -> str:
        """Return `--format`. Raises `Failed` for one that does not exist."""
        chosen = self.options.get("format", "table")
        if chosen not in {"table", "json", "csv", "yaml"}:
            raise Failed("Invalid format type given.", 1)
        return chosen

    def without_names(self) -> None:
        """Refuse arguments."""
        if self.names:
            raise Failed("This command takes no arguments", 1)


def read_call(command: str, arguments: list[str]) -> Call:
    """Read what follows *command*. Raises `Failed` for options it does not have."""
    spec = COMMANDS[command]
    takes_value, short = _known(spec)
    options: dict[str, str] = {}
    names: list[str] = []
    unknown: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            names += rest
            break
        if not word.startswith("-") or word == "-":
            names.append(word)
            continue
        for name, value in _split(word, short):
            if name not in takes_value:
                unknown.append(name)
            elif not takes_value[name]:
                options[name] = ""
            else:
                options[name] = _value(name, value, rest)
    if unknown:
        raise Failed(_unknown(unknown, command), 1)
    return Call(command, options, tuple(names), "help" in options)


def refuse_not_simulated(command: str) -> None:
    """Raise `Failed` for a command that Multipass has and the simulator does not."""
    if command in NOT_SIMULATED:
        raise Failed(f"multipass-sim: `{command}` is not simulated; docs/simulator.md lists what is")


def _known(spec: Spec) -> tuple[dict[str, bool], dict[str, str]]:
    takes_value = {"help": False, "verbose": False}
    short = {"h": "help", "v": "verbose"}
    for option in spec.options:
        letter, _, name = option.removesuffix("=").rpartition(",")
        takes_value[name] = option.endswith("=")
        if letter:
            short[letter] = name
    return takes_value, short


def _split(word: str, short: dict[str, str]) -> list[tuple[str, str | None]]:
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return [(name, value if equals else None)]
    first = short.get(word[1], word[1])
    if len(word) > 2 and first in {"cpus", "disk", "memory", "name", "time", "working-directory"}:
        return [(first, word[2:].removeprefix("="))]
    return [(short.get(letter, letter), None) for letter in word[1:]]


def _value(name: str, value: str | None, rest: list[str]) -> str:
    if value is not None:
        return value
    if not rest:
        raise Failed(f"Missing value after '--{name}'.", 1)
    return rest.pop(0)


def _unknown(names: list[str], command: str) -> str:
    text = f"Unknown option '{names[0]}'." if len(names) == 1 else f"Unknown options: {', '.join(names)}."
    if command == "exec":
        text += (
            '\n\nOptions to the inner command should come after "--", like this:\n'
            "multipass exec <instance> -- <command> <arguments>"
        )
    return text
