"""How much memory there is for a model, so that one too big is refused before it is fitted instead of being killed."""

from __future__ import annotations

import os
from pathlib import Path

from analysis.errors import ModelError

_GIB = 2**30


def available() -> int:
    """Bytes that a model may take: what the machine has free, or what the container's limit leaves."""
    free = _meminfo() or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit, used = _number(Path("/sys/fs/cgroup/memory.max")), _number(Path("/sys/fs/cgroup/memory.current"))
    return min(free, limit - used) if limit is not None and used is not None else free


def require(label: str, needed: int) -> None:
    """Refuse a model that needs more memory than there is.

    Raises:
        ModelError: It does; the estimate is named.
    """
    have = available()
    if needed > have:
        raise ModelError(
            f"{label} would need about {needed / _GIB:,.1f} GiB of memory, and {have / _GIB:,.1f} GiB are free.",
            "Use a smaller model, a part of the data, or a machine with more memory.",
        )


def _meminfo() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def _number(file: Path) -> int | None:
    """The number in a file of the system, None where there is no such file or it says that there is no limit."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
