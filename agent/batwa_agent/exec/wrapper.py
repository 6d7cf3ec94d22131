"""What is sent into a VM around a command, and what it says about it. No I/O.

`multipass exec` cannot be asked how a command ended: it runs one that exits with 4 again and again, gives
its own failures codes that commands have too, leaves a command running when it is ended itself, and may
put a spinner before the command's output. So a small script in the VM runs the command, and tells by
words of its own, with one that nobody can guess: on both streams where the output begins, on stderr how
it ended. The command may say that one too (`ps` lists the script's arguments): only what is written
exactly as the script does is the script's.
"""

import re
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

_UNFINISHED = re.compile(rb"[0-9 ]{0,16}")
"""What may follow the word before the line's end; more is not the wrapper's."""
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
        self._begins_out = re.compile(self._mark + rb" (\d{1,10})\n")
        self._begins_err = re.compile(self._mark + rb"\n")
        self._ends = re.compile(self._mark + rb" (\d{1,3}) ([01])\n")

    def stopper(self) -> list[str]:
        """Return what ends the command, run in the same VM."""
        return ["sh", "-c", STOPPER, "sh", self.pid or "0", self._word]

    def stdout(self, data: bytes) -> bytes:
        """Return what of *data* is the command's; what comes before it has begun is not."""
        if self.pid is not None:
            return data
        data = self._out + data
        told = self._begins_out.search(data)
        if told is None:
            self._out = data[self._sure(data) :]
            return b""
        self.pid, self._out = told[1].decode(), b""
        return data[told.end() :]

    def stderr(self, data: bytes) -> bytes:
        """Return what of *data* is the command's; what may be a word of the wrapper is held back."""
        if self.exit_code is not None:
            return data
        data, self._err = self._err + data, b""
        if not self._has_begun:
            if (told := self._begins_err.search(data)) is None:
                self._say(self._hold(data))
                return b""
            self._say(data[: told.start()])
            self._has_begun, data = True, data[told.end() :]
        if (told := self._ends.search(data)) is None:
            return self._hold(data)
        self.exit_code, self.was_stopped = int(told[1]), told[2] == b"1"
        return data[: told.start()] + data[told.end() :]

    def stderr_rest(self) -> bytes:
        """Return what was held back and turned out to be the command's, at the end of its stream."""
        rest, self._err = self._err, b""
        if self._has_begun:
            return rest
        self._say(rest)
        return b""

    def _hold(self, data: bytes) -> bytes:
        """Return *data* without its end if more of it may make that a word of the wrapper."""
        sure = self._sure(data)
        self._err = data[sure:]
        return data[:sure]

    def _sure(self, data: bytes) -> int:
        """Return how many bytes of *data* cannot be the beginning of a line of the wrapper."""
        at = data.rfind(self._mark)
        if at >= 0 and _UNFINISHED.fullmatch(data, at + len(self._mark)):
            return at
        return len(data) - _overlap(data, self._mark)

    def _say(self, data: bytes) -> None:
        self.said += data[: _SAID_BYTES - len(self.said)]


def _overlap(data: bytes, mark: bytes) -> int:
    """Return how many of the last bytes of *data* may begin *mark*."""
    longest = min(len(mark) - 1, len(data))
    return next((size for size in range(longest, 0, -1) if data.endswith(mark[:size])), 0)
