"""Busy polling: between keys that come one on the other, as a script's do, the event loop does not sleep.

To sleep and be woken takes 20 to 60 us on a virtual machine, which is more than all that is done for a key. A
person's keys are too far apart to start it, so it costs nothing then.
"""

import asyncio
import os
import time
from collections.abc import Callable

KEY_BYTES = 32
"""What is longer is no key: a paste, or a message about what was shown."""
QUICK_S = 1e-3
"""Keys come one on the other if no more than this lies between."""
POLL_S = 200e-6
"""How long after such a key the loop stays awake; as long as the kernel's own halt polling (KVM)."""


class BusyPoll:
    """Keeps one event loop awake.

    Args:
        clock: In seconds; tests pass their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key_at_s = -QUICK_S
        self._is_polling = False

    def typed(self, count: int) -> None:
        """Know that *count* bytes were typed."""
        if count > KEY_BYTES:
            return
        last_s, self._key_at_s = self._key_at_s, self._clock()
        if self._key_at_s - last_s < QUICK_S and not self._is_polling:
            self._is_polling = True
            self._stay_awake()

    def _stay_awake(self) -> None:
        asyncio.get_running_loop().call_soon(self._poll)

    def _poll(self) -> None:
        if self._clock() - self._key_at_s < POLL_S:
            os.sched_yield()  # the shell may wait for this processor
            self._stay_awake()
        else:
            self._is_polling = False
