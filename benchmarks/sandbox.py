"""The sandbox provider in a process of its own, which has received nothing yet."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
ORGANIZATION = "be9c0000-0000-4000-8000-000000000001"
TEMPLATE = "be9c0000-0000-4000-8000-000000000002"
TOKEN = "benchmark-token"
TEMPLATES = ({"id": TEMPLATE, "organization_id": ORGANIZATION, "name": "Benchmark"},)


@dataclass(frozen=True, slots=True)
class Sandbox:
    url: str

    @property
    def host_port(self) -> str:
        return self.url.removeprefix("http://")

    def order(self, **faults: Any) -> None:
        """These faults from now on, and no others."""
        with urlopen(f"{self.url}/_sandbox/faults", data=json.dumps(faults).encode()):
            pass

    def received(self) -> dict[str, Any]:
        with urlopen(f"{self.url}/_sandbox/received") as response:
            received: dict[str, Any] = json.load(response)
        return received

    def require(self, badges: int) -> None:
        """A figure counts only when the work was done: so many badges, none twice, nothing else asked."""
        received = self.received()
        found = (received["counts"]["badges"], received["counts"]["requests"], received["duplicates"])
        if found != (badges, {"POST 201": badges}, []):
            raise SystemExit(f"The sandbox was to receive {badges} badges, each once. It has: {found}")


@contextmanager
def fresh_sandbox(*, latency_ms: float = 0, rows: Sequence[dict[str, Any]] = TEMPLATES) -> Iterator[Sandbox]:
    """`rows`: its templates, whose organizations are its accounts."""
    with TemporaryDirectory() as folder:
        templates = Path(folder) / "templates.json"
        templates.write_text(json.dumps(list(rows)))
        command = [sys.executable, "-m", "providers.sandbox", "--port", "0", "--token", TOKEN]
        command += ["--data", str(Path(folder) / "received.jsonl"), "--templates", str(templates)]
        command += ["--latency-ms", str(latency_ms)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                ready = process.stdout.readline()
                if "ready at" not in ready:
                    raise SystemExit("The sandbox did not start.")
                yield Sandbox(ready.partition("ready at ")[2].split()[0].rstrip("/"))
            finally:
                process.terminate()
