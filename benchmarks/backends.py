"""What the database's processes take while something runs: memory of their own, and processor time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

PAUSE = 0.2


@dataclass(slots=True)
class Peak:
    """The most anonymous memory (not shared buffers) of all backends of one database at one time."""

    kb: int = 0

    @property
    def mb(self) -> float:
        return self.kb / 1024


@contextmanager
def watched(database: str) -> Iterator[Peak]:
    """Looks a few times a second; only where the database's processes are on this machine."""
    peak, done = Peak(), Event()

    def look() -> None:
        while not done.wait(PAUSE):
            peak.kb = max(peak.kb, sum(_anonymous_kb(process) for process in _processes(database)))

    watcher = Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _processes(database: str) -> Iterator[Path]:
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            title = line.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if title.startswith("postgres:") and (f" {database} " in title or "parallel worker" in title):
                yield line.parent


def _anonymous_kb(process: Path) -> int:
    with suppress(OSError):
        for line in (process / "status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0


def busy_seconds(process_id: int) -> float:
    """The processor time of a backend so far; nothing where it runs on another machine."""
    with suppress(OSError):
        told = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
    return 0
