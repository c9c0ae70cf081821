"""Workers as production runs them, that can be killed, and stopped as a machine that swaps does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Crew:
    """A worker, with beat inside if asked for, as one process group."""

    def __init__(
        self,
        *,
        folder: Path,
        environment: Mapping[str, str],
        name: str = "crew",
        with_beat: bool = True,
    ) -> None:
        self._folder, self._name = folder, name
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._command = ["worker", "--concurrency", "2", "--hostname", f"{name}@%h"]
        self._command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        if with_beat:
            self._command += ["--beat", *self._schedule()]

    @property
    def has_ended(self) -> bool:
        """By itself: it was started, and nobody killed it."""
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", *self._command, "--loglevel", "warning"],
                cwd=ROOT,
                env=dict(self._environment),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self) -> None:
        """SIGTERM to the first process, as a container is stopped; back when all of it has ended."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """SIGKILL to the whole group, as when its machine fails."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def kill_one(self) -> bool:
        """SIGKILL to one of the processes that work, as when memory is short; False when there is none."""
        if self._process is None:
            return False
        with suppress(OSError):
            pid = self._process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if children:
                os.kill(int(children[-1]), signal.SIGKILL)
                return True
        return False

    def stop(self) -> None:
        """SIGSTOP: nothing of it moves, and it does not know."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self._folder / f"{self._name}.log"

    def _schedule(self) -> list[str]:
        return ["--schedule", str(self._folder / f"{self._name}.beat")]

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


class Beat(Crew):
    """The scheduler by itself."""

    def __init__(self, *, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(folder=folder, environment=environment, name="beat", with_beat=False)
        self._command = ["beat", *self._schedule()]
