"""How Multipass says no, as the errors of the driver. Pure, and held to every recorded failure."""

import re
from typing import NamedTuple

from batwa_common.errors import (
    BatwaError,
    DriverFailed,
    DriverRefused,
    DriverTimeout,
    DriverUnavailable,
    VmExists,
    VmNotFound,
    VmStateConflict,
)

_BAD_ARGUMENTS = 1
_ITS_OWN_TIMEOUT = 5
_SENTENCE_CHARS = 1000
_TEXT_CHARS = 16 << 10
"""The last of a failure's output, where the reason stands; the rest is progress and logs."""


class _Rule(NamedTuple):
    says: str
    """A pattern in Multipass's sentence."""
    error: type[BatwaError]
    advice: str = ""
    """What the sentence does not say: what to do."""


_RULES = (
    _Rule(
        r"cannot connect to the multipass socket|Could not reach daemon|multipass_root_cert",
        DriverUnavailable,
        "the Multipass daemon is not running; start it (with the snap: sudo snap start multipass)",
    ),
    _Rule(
        r"client is not authenticated",
        DriverUnavailable,
        "do it once as the user that the agent runs as, with the agent's HOME",
    ),
    _Rule(
        r"missing port number in address",
        DriverUnavailable,
        "correct MULTIPASS_SERVER_ADDRESS in the agent's environment",
    ),
    _Rule(r"\bis deleted\b", VmStateConflict, "it is in the trash: recover it, or delete it with purge"),
    _Rule(
        r"^instance \"[^\"]*\" already exists",
        VmExists,
        "choose another name, or remove that one (it may be in the trash)",
    ),
    _Rule(r"^instance \"[^\"]*\" is being prepared", VmExists),
    _Rule(
        r"^instance \"[^\"]*\" does not exist|^Instance '[^']*' does not exist|No such (snapshot|instance)",
        VmNotFound,
    ),
    _Rule(r"^Unrecognized settings key: 'local\.[^'.]+\.(cpus|memory|disk)'", VmNotFound),
    _Rule(
        r"^Cannot shut down (suspended )?instance|is already running, but in an unknown state",
        VmStateConflict,
    ),
    _Rule(r"[Tt]imed out waiting for", DriverTimeout),
    _Rule(r"^Unknown (option|command)", DriverFailed, "this Multipass is too old or too new for the agent"),
    _Rule(
        r"Invalid .* supplied|^Unable to find an image|^Remote '[^']*' is not found|"
        r"^Custom image .* does not exist|below minimum for this image|local\.bridged-network|"
        r"is not a valid memory size|^Could not load cloud-init",
        DriverRefused,
    ),
)

_LOG_LINE = re.compile(r"^(?:\[[^\]\n]*\] ?){2,3}(?P<said>.*)$", re.MULTILINE)
_UNHANDLED = "Caught an unhandled exception: "
_HEADINGS = re.compile(
    r"^(?:The following errors occurred:|Invalid arguments supplied|instance\(s\) missing)\n"
)
_PREFIX = re.compile(r"^(?:[Ee]rror: )")


def failure(command: str, code: int, text: str) -> BatwaError:
    """Return what `multipass COMMAND` meant by exiting with *code* (negative: a signal) after *text*.

    *text* has no terminal control left in it. The error's sentence is Multipass's own, and advice.
    """
    said = _sentence(command, text[-_TEXT_CHARS:])
    if code < 0:
        return DriverFailed(f"multipass {command} was ended by signal {-code} before it was done")
    for rule in _RULES:
        if re.search(rule.says, said):
            # Its advice on deleted ones is `purge`, which would empty everybody's trash.
            own = said.split(". Use 'recover'")[0]
            return rule.error(f"{own.rstrip('.')}; {rule.advice}" if rule.advice else own)
    if code == _ITS_OWN_TIMEOUT:
        return DriverTimeout(said or f"multipass {command} ran out of time")
    if not said:
        return DriverFailed(f"multipass {command} failed with exit code {code} and said nothing")
    if code == _BAD_ARGUMENTS and _UNHANDLED not in text:
        return DriverRefused(said)
    return DriverFailed(said)


def _sentence(command: str, text: str) -> str:
    """Return what *text* says to a person, in one line, without logs and prefixes."""
    _, found, rest = text.rpartition(f"{command} failed: ")
    said = rest if found else text
    said = _LOG_LINE.sub(lambda line: line["said"].partition(_UNHANDLED)[2], said).strip()
    said = _PREFIX.sub("", _HEADINGS.sub("", said))
    if not said and (logged := _LOG_LINE.findall(text)):
        said = logged[-1]
    return _one_line(said)[:_SENTENCE_CHARS]


def _one_line(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    joined = [line if line.endswith((".", ":", ";")) else f"{line};" for line in lines[:-1]]
    return " ".join([*joined, *lines[-1:]])
