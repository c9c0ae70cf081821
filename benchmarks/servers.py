"""A PostgreSQL cluster and a Redis of one's own: made, broken and removed by whoever needs that.

python -m benchmarks.servers      a PostgreSQL as a site with millions of records has it, until Ctrl-C
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

WAIT = 30.0


def missing() -> list[str]:
    """The programs that are not here, without which there are no such servers."""
    found = {"initdb": _postgresql("initdb"), "pg_ctl": _postgresql("pg_ctl")}
    found["redis-server"] = shutil.which("redis-server") or ""
    return [name for name, path in found.items() if not path]


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """Durable as in production (fsync), with no password on loopback."""

    folder: Path
    port: int
    settings: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        _as_owner(
            self.folder, _postgresql("initdb"), "-D", self.folder / "data", "-A", "trust", "-U", "postgres"
        )
        self._control("start")

    def crash(self) -> None:
        """Stop as a power cut does and start again; back when it answers."""
        self._control("restart", "-m", "immediate")

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def _control(self, *verb: str) -> None:
        settings = ("listen_addresses=127.0.0.1", "max_connections=200", *self.settings)
        options = f"-p {self.port} -k {self.folder} " + " ".join(f"-c {setting}" for setting in settings)
        log = self.folder / "log"
        command = [_postgresql("pg_ctl"), "-D", self.folder / "data", "-l", log, "-o", options, "-w", *verb]
        _as_owner(self.folder, *command)


@dataclass(slots=True)
class Redis:
    """Without persistence: a restart forgets everything."""

    port: int
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen([*command, "--appendonly", "no"], stdout=subprocess.DEVNULL)
        _until_answers(self.port)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def crash(self) -> None:
        self.stop()
        self.start()


@dataclass(frozen=True, slots=True)
class Servers:
    postgresql: PostgreSQL
    redis: Redis


@contextmanager
def own_servers() -> Iterator[Servers]:
    folder = Path(mkdtemp(prefix="servers-"))
    postgresql, redis = PostgreSQL(folder, free_port()), Redis(free_port())
    try:
        _give_to_owner(folder)
        postgresql.make()
        redis.start()
        yield Servers(postgresql, redis)
    finally:
        redis.stop()
        if (folder / "data" / "postmaster.pid").exists():
            postgresql.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Buffers for a third of the memory, and log enough for a large write between two checkpoints."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    large = (
        f"shared_buffers={memory_mb // 3}MB",
        f"effective_cache_size={memory_mb // 2}MB",
        "max_wal_size=8GB",
    )
    folder = Path(mkdtemp(prefix="servers-"))
    postgresql = PostgreSQL(folder, free_port(), settings=(*large, "checkpoint_timeout=15min"))
    try:
        _give_to_owner(folder)
        postgresql.make()
        print(f"DATABASE_URL={postgresql.url}", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()
    finally:
        postgresql.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _postgresql(program: str) -> str:
    """Debian keeps the server's programs outside of the path; the newest version counts."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return shutil.which(program) or (str(installed[-1]) if installed else "")


def _give_to_owner(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")


def _as_owner(folder: Path, *command: object) -> None:
    """The server refuses to run as root."""
    owner = {"user": "postgres"} if os.geteuid() == 0 else {}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **owner,  # type: ignore[call-overload]
    )
    if result.returncode:
        raise SystemExit(f"{command[0]} failed: {result.stderr.strip()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_answers(port: int) -> None:
    ends_at = time.monotonic() + WAIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    main()
