"""What is sent into a VM around a command, and what it says about it. No I/O.

`multipass exec` cannot be asked how a command ended: it runs one that exits with 4 again and again, gives
its own failures codes that commands have too, leaves a command running when it is ended itself, and may
put a spinner before the command's output. So a small script in the VM runs the command, and tells by
lines of its own that begin with a word nobody can guess: on both streams where the output begins, on
stderr how it ended.
"""

import secrets
from collections.abc import Sequence

ENDED_AFTER_S = 5
"""What a command gets after SIGTERM, before SIGKILL."""

# Arguments: the word, seconds, the command. The command gets a session of its own, to be ended
# whole; a group is named without `--`, which dash does not know there. What has just been started may
# have no group yet: then it is ended by its own number.
WRAPPER = f"""
word=$1 limit=$2; shift 2
stopped=0
stop() {{
    stopped=1 again=1
    kill -TERM "-$child" 2>/dev/null || kill -TERM "$child" 2>/dev/null
    setsid sh -c 'sleep {ENDED_AFTER_S}; kill -KILL "-$1"' "$word" "$child" </dev/null >/dev/null 2>&1 &
    killer=$!
}}
printf '%s %s\\n' "$word" "$$"
printf '%s\\n' "$word" >&2
exec 3<&0 </dev/null
setsid "$@" <&3 3<&- &
child=$! killer=
exec 3<&-
trap stop TERM
setsid sh -c 'sleep "$1"; kill -TERM "$2"' "$word" "$limit" "$$" </dev/null >/dev/null 2>&1 &
watch=$!
code=
while :; do
    again=0; wait "$child"; told=$?
    [ "$told" = 127 ] && [ -n "$code" ] || code=$told
    [ "$again" = 1 ] || break
done
trap '' TERM
kill -KILL "$watch" "-$watch" ${{killer:+"$killer" "-$killer"}} 2>/dev/null
printf '%s %s %s\\n' "$word" "$code" "$stopped" >&2
exit 0
"""

STOPPER = 'grep -q "$2" "/proc/$1/cmdline" && kill -TERM "$1"'
"""Arguments: the wrapper's process id, its word. The word makes sure that it still is that process."""

_LINE_BYTES = 128
_SAID_BYTES = 16 << 10


class Wrapped:
    """One command in its wrapper."""

    def __init__(self, command: Sequence[str], *, timeout_s: float) -> None:
        self._word = f"batwa-{secrets.token_hex(16)}"
        self.argv = ["sh", "-c", WRAPPER, "sh", self._word, f"{timeout_s:.3f}", *command]
        self.pid: str | None = None
        """The wrapper's, in the VM; None before it has begun."""
        self.exit_code: int | None = None
        """The command's; None before it has ended."""
        self.was_stopped = False
        """Whether it had to be ended."""
        self.said = b""
        """What stderr had before it began, the first 16 KiB: Multipass's own words."""
        self._out = b""
        self._err = b""
        self._has_begun = False
        self._mark = self._word.encode()

    def stopper(self) -> list[str]:
        """Return what ends the command, run in the same VM."""
        return ["sh", "-c", STOPPER, "sh", self.pid or "0", self._word]

    def stdout(self, data: bytes) -> bytes:
        """Return what of *data* is the command's; what comes before it has begun is not."""
        if self.pid is not None:
            return data
        data = self._out + data
        _, found, rest = data.partition(self._mark)
        pid, ended, rest = rest.partition(b"\n")
        if not ended:
            self._out = found + pid if found else data[-_LINE_BYTES:]
            return b""
        self.pid, self._out = pid.decode(errors="replace").strip(), b""
        return rest

    def stderr(self, data: bytes) -> bytes:
        """Return what of *data* is the command's; what may be a word of the wrapper is held back."""
        if self.exit_code is not None:
            return data
        before, told, rest = self._err_line(data)
        if self._has_begun:
            if told is not None:
                code, _, stopped = told.strip().partition(b" ")
                self.exit_code, self.was_stopped = int(code), stopped == b"1"
            return before + rest
        self._say(before)
        if told is None:
            return b""
        self._has_begun = True
        return self.stderr(rest)

    def stderr_rest(self) -> bytes:
        """Return what was held back and turned out to be the command's, at the end of its stream."""
        rest, self._err = self._err, b""
        if self._has_begun:
            return rest
        self._say(rest)
        return b""

    def _err_line(self, data: bytes) -> tuple[bytes, bytes | None, bytes]:
        """Return what is before the wrapper's next line, that line or None, and what is after it."""
        data = self._err + data
        before, found, rest = data.partition(self._mark)
        told, ended, rest = rest.partition(b"\n")
        if ended:
            self._err = b""
            return before, told, rest
        kept = len(found + told) or _overlap(data, self._mark)
        self._err = data[len(data) - kept :]
        return data[: len(data) - kept], None, b""

    def _say(self, data: bytes) -> None:
        self.said += data[: _SAID_BYTES - len(self.said)]


def _overlap(data: bytes, mark: bytes) -> int:
    """Return how many of the last bytes of *data* may begin *mark*."""
    longest = min(len(mark) - 1, len(data))
    return next((size for size in range(longest, 0, -1) if data.endswith(mark[:size])), 0)
