"""A real sandbox provider in a process of its own, on a free port, for each test that asks for one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from providers import http
from providers.base import Account, IssueRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = Path(__file__).with_name("answers")
ORGANIZATION = "0d4c2f0e-0000-4000-8000-00000000000a"
OTHER_ORGANIZATION = "0d4c2f0e-0000-4000-8000-00000000000b"
TEMPLATE = "7e000000-0000-4000-8000-000000000001"
ARCHIVED = "7e000000-0000-4000-8000-000000000002"
REPEATABLE = "7e000000-0000-4000-8000-000000000003"
ISSUER = "4711"
GROUP = "7301"
REPEATABLE_GROUP = "7303"
# Recognizable wherever it should not be.
CANARY = "canary-4f1c9e-token"
OTHER_TOKEN = "other-token"
TEMPLATES = [
    {"id": TEMPLATE, "organization_id": ORGANIZATION, "name": "First Lab", "description": "One lab."},
    {"id": ARCHIVED, "organization_id": ORGANIZATION, "name": "Old Lab", "state": "archived"},
    {
        "id": REPEATABLE,
        "organization_id": ORGANIZATION,
        "name": "Again and Again",
        "allow_duplicate_badges": True,
    },
    {"organization_id": OTHER_ORGANIZATION, "name": "Elsewhere"},
    {
        "id": GROUP,
        "organization_id": ISSUER,
        "provider": "accredible",
        "name": "First Lab",
        "description": "One lab.",
    },
    {
        "id": REPEATABLE_GROUP,
        "organization_id": ISSUER,
        "name": "Again and Again",
        "allow_duplicate_badges": True,
        "provider": "accredible",
    },
]


@dataclass
class Response:
    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class SandboxProcess:
    """Starts, stops and kills the sandbox, and asks it what it received."""

    def __init__(self, folder: Path, *, templates: list[dict[str, Any]] | None = None) -> None:
        self.data = folder / "sandbox.jsonl"
        self.templates = folder / "templates.json"
        self.templates.write_text(json.dumps(TEMPLATES if templates is None else templates))
        self.port = 0
        self.always: list[str] = []  # options of every start
        self._process: subprocess.Popen[str] | None = None

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host_port}"

    def command(self, *options: str) -> list[str]:
        return [
            *(sys.executable, "-m", "providers.sandbox", "--port", str(self.port), "--data", str(self.data)),
            *("--templates", str(self.templates), "--token", CANARY),
            *("--accounts", f"{OTHER_ORGANIZATION}={OTHER_TOKEN}", *self.always, *options),
        ]

    def start(self, *options: str) -> str:
        """Returns the line that says it is ready. After a stop it comes back on the same port."""
        self._process = subprocess.Popen(
            self.command(*options),
            cwd=ROOT,
            env={**os.environ, "DEBUG": "on"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert "ready at" in line, line
        self.port = int(line.split("ready at ")[1].split()[0].rstrip("/").rpartition(":")[2])
        return line

    def stop(self) -> int:
        """As an operator would, with SIGTERM; returns the exit code."""
        assert self._process
        self._process.terminate()
        return self._wait()

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._wait()

    def close(self) -> None:
        if self.is_running:
            self.kill()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def renew(self) -> None:
        """As on the first start, whatever a test did to it."""
        if not self.is_running:
            self.start()
        assert self.call("POST", "/_sandbox/forget").status == 200

    def order(self, **faults: Any) -> None:
        """These faults from now on, and no others."""
        assert self.call("POST", "/_sandbox/faults", faults).status == 200

    def received(self) -> Any:
        return self.call("GET", "/_sandbox/received").json

    def badges(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.received()["badges"]
        return found

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = CANARY,
        headers: dict[str, str] | None = None,
    ) -> Response:
        sent = {
            "Authorization": "Basic " + b64encode(f"{token}:".encode()).decode(),
            "Content-Type": "application/json",
            **(headers or {}),
        }
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            return Response(response.status, response.read().decode(), dict(response.headers))
        finally:
            connection.close()

    def set_account(self, identity: str, **settings: Any) -> None:
        assert self.call("POST", "/_sandbox/accounts", {"id": identity, **settings}).status == 200

    def account(self, **changes: Any) -> Account:
        """At Credly."""
        given = {"api_url": f"{self.url}/v1", "organization_id": ORGANIZATION, "token": CANARY}
        return Account(**{**given, **changes})

    def issuer(self, **changes: Any) -> Account:
        """At Accredible."""
        return self.account(**{"organization_id": ISSUER, **changes})

    def _wait(self) -> int:
        assert self._process
        assert self._process.stdout
        code = self._process.wait(timeout=10)
        self._process.stdout.close()
        return code


def issue_request(**changes: Any) -> IssueRequest:
    given: dict[str, Any] = {
        "reference": "intent-1",
        "earner_id": "learner-1",
        "template_id": TEMPLATE,
        "email": "ada@example.org",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "issued_at": datetime(2026, 3, 2, 9, 41, tzinfo=UTC),
    }
    return IssueRequest(**{**given, **changes})


def recorded(name: str) -> Any:
    """An answer in the documented shape, `vendor/name`."""
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess, settings: Any) -> Iterator[SandboxProcess]:
    """The one of this run, which remembers nothing of the tests before."""
    sandbox_process.renew()
    # Connections that rest belong to the test before, and some tests count them.
    http._transport.close()
    settings.PROVIDER_ALLOWED_HOSTS = [sandbox_process.host_port]
    yield sandbox_process
