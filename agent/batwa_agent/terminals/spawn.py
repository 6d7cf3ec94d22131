"""Start processes on terminals, without Python between fork and exec. Imports little, for the holder."""

import os
import shutil
import signal
import termios
from collections.abc import Mapping, Sequence


def exit_code_of(status: int) -> int:
    """Return what a shell would call `waitpid`'s *status*: a signal is 128 + its number."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def spawn(argv: Sequence[str], *, rows: int, cols: int, env: Mapping[str, str]) -> tuple[int, int]:
    """Start *argv* on a new terminal of that size; return its master side and the process id.

    No shell is involved, and no Python runs between fork and exec: a threaded daemon may not survive that.
    Blocks for a moment. Raises OSError.
    """
    if (program := shutil.which(argv[0], path=env.get("PATH"))) is None:
        raise FileNotFoundError(f"{argv[0]} is not an executable program")
    master, slave = os.openpty()
    try:
        os.set_blocking(master, False)
        termios.tcsetwinsize(slave, (rows, cols))
        name = os.ttyname(slave)
        pid = os.posix_spawn(
            program,
            list(argv),
            dict(env),
            # the first terminal that a session leader opens becomes its controlling one
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, name, os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
                (os.POSIX_SPAWN_DUP2, 0, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM],
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    return master, pid
