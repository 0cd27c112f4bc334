"""Keeps what a process has in memory off the disk: no core dumps, nobody looks in, no swapping.

A number is in the clear for moments only, but keys are for as long as a process runs.
"""

import ctypes
import os
import resource
import sys
from dataclasses import dataclass
from functools import cache

_PR_SET_DUMPABLE = 4
# Pages are locked once they are touched. Without the last, each thread's stack would take eight
# megabytes at once, which a small board does not have to give.
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Hardening:
    """What could be done; `why_not` says why memory is not locked, or nothing."""

    no_core: bool
    not_dumpable: bool
    locked: bool
    why_not: str = ""


@cache
def harden() -> Hardening:
    """Close this process, once, at the start of every command.

    Memory is locked only where there is no limit to it. Else a later allocation beyond the limit
    would fail, and a service that ends loses more than a page in the swap.
    """
    os.umask(0o077)  # whatever a command makes is this account's alone
    no_core = _without_core_dumps()
    if sys.platform != "linux":
        return Hardening(no_core, False, False, "this is not Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    # Neither a crash handler nor another process of this account may read the memory.
    not_dumpable = libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY:
        return Hardening(no_core, not_dumpable, False, "RLIMIT_MEMLOCK is limited")
    locked = libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0
    why_not = "" if locked else os.strerror(ctypes.get_errno())
    return Hardening(no_core, not_dumpable, locked, why_not)


def _without_core_dumps() -> bool:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):  # a service manager may forbid the call, having made it
        return resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    return True
