"""File descriptors 0 to 2, the standard streams. Knows nothing of what is written to them."""

import os
import threading

# Held by whoever has turned descriptor 2 elsewhere for a while, or writes something to it that must
# not be lost meanwhile.
stderr_in_use = threading.RLock()


def occupy_closed() -> None:
    """Keep them from naming a file that is opened later.

    Otherwise native libraries would write their log into it, and `print` its warnings to stdout.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
