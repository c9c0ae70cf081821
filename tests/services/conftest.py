"""Real processes on real services: PostgreSQL, Redis, the sandbox provider, and workers that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from config.celery import app
from tests.providers.conftest import SandboxProcess
from tests.services.crew import ROOT, Crew

SECONDS = 90


@pytest.fixture
def environment(transactional_db: None) -> dict[str, str]:
    """What makes a child work on the database of this test, with the secrets of this process."""
    assert connection.vendor == "postgresql", "These tests need PostgreSQL: make test-services"
    assert settings.REDIS_URL, "These tests need Redis: make test-services"
    name = connection.settings_dict["NAME"]
    return {
        **os.environ,
        "DEBUG": "on",
        "EMBEDDED_WORKER": "off",
        "LOG_LEVEL": "WARNING",
        "DATABASE_URL": urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl(),
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
    }


@pytest.fixture
def sandbox(tmp_path: Path, environment: dict[str, str]) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path)
    try:
        process.start()
        environment["PROVIDER_ALLOWED_HOSTS"] = process.host_port
        yield process
    finally:
        process.close()


class LoneCrew(Crew):
    """The only one that works on the database of its test."""

    def kill(self) -> None:
        """Back when the database has seen the end of every one of them."""
        super().kill()
        until(lambda: not _other_sessions(), "the sessions of killed processes have ended")


@pytest.fixture
def crew(tmp_path: Path, environment: dict[str, str], sandbox: SandboxProcess) -> Iterator[Crew]:
    """Small periods and leases, so that a minute holds what otherwise takes a day."""
    environment |= {"ISSUE_LEASE_SECONDS": "3", "SWEEP_SECONDS": "0.5", "DELIVERY_CONNECTIONS": "8"}
    app.control.purge()  # hints of earlier tests
    workers = LoneCrew(folder=tmp_path, environment=environment)
    try:
        yield workers
    finally:
        workers.kill()


def until(holds: Callable[[], bool], what: str, *, explain: Callable[[], str] = str) -> None:
    """Return when it holds; fail with what was waited for and an explanation when it never does."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"Not within {SECONDS} seconds: {what}.\n{explain()}"
        time.sleep(0.02)


def _other_sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (count,) = cursor.fetchone()
    return int(count)


RUNNER = """
import json, sys
import django
django.setup()
from django.db import connection
{preparation}
connection.ensure_connection()
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps({expression}))
"""


def race(runners: list[tuple[str, str]], *, environment: dict[str, str]) -> list[Any]:
    """Run each (preparation, expression) in a process of its own, all at the same moment; their values."""
    processes: list[subprocess.Popen[str]] = []
    try:
        for preparation, expression in runners:
            code = RUNNER.format(preparation=preparation, expression=expression)
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", code],
                    cwd=ROOT,
                    env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        for process in processes:
            assert process.stdout and process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=SECONDS)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes)
        return [json.loads(output) for output in outputs]
    finally:
        for process in processes:
            process.kill()
            process.wait()
