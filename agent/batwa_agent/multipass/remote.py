"""Commands inside a VM by `multipass exec`, wrapped so that every exit code comes back.

Multipass's client takes a remote 4 for its own "try again" and runs the command for ever, and `multipass
shell` always exits 0 (both seen in 1.16.3). So 4 travels as 254, and 254 as 255, which already means "the
connection was lost, or 255".
"""

from collections.abc import Sequence

_WRAP = 'trap : INT QUIT; "$@"; code=$?; case $code in 4) exit 254;; 254) exit 255;; esac; exit $code'
_RETRY, _RETRY_IN_DISGUISE = 4, 254
LOGIN_SHELL = ("sh", "-c", 'exec "${SHELL:-/bin/sh}" -l')
"""What a person gets who logs in."""


def wrapped(command: Sequence[str]) -> list[str]:
    """Return the argv that runs *command* in the VM in this manner; its words stay as they are."""
    return ["sh", "-c", _WRAP, "sh", *command]


def told(exit_code: int) -> int:
    """Return the remote command's exit code from that of `multipass exec`."""
    return _RETRY if exit_code == _RETRY_IN_DISGUISE else exit_code
