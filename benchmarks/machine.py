"""Where the figures come from: without it a number of seconds says nothing."""

from __future__ import annotations

import os
import platform
import resource
from contextlib import suppress
from pathlib import Path

from django.db import connection


def facts() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
        version, fsync = cursor.fetchone()
        cursor.execute("SELECT current_setting('synchronous_commit'), current_setting('shared_buffers')")
        synchronous_commit, buffers = cursor.fetchone()
    return (
        f"{os.cpu_count()} cores ({_processor()}), {_memory_gib():.0f} GiB, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, PostgreSQL {version} (fsync {fsync}, "
        f"synchronous_commit {synchronous_commit}, shared_buffers {buffers})"
    )


def peak_mb() -> float:
    """The most memory that this process has held so far; what getrusage tells begins with the parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak() -> None:
    """Let `peak_mb` begin anew; where the system cannot, it goes on counting from the start."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
