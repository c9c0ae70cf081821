"""A world for every test: see tests/factories.py for the cast.

Properties are tried on few examples by default and always on the same ones; `HYPOTHESIS_PROFILE=thorough`
tries many.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import override_settings
from django.utils import translation
from hypothesis import settings

from tests.providers.conftest import SandboxProcess

settings.register_profile("quick", max_examples=30, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=200, deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(autouse=True, scope="session")
def quick_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A password hash is slow on purpose, and no test is about that. No static files are collected here. What
    one run and one process of it keep in a cache is no other's."""
    with override_settings(
        CACHES={name: {**cache, "KEY_PREFIX": uuid4().hex} for name, cache in django_settings.CACHES.items()},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STATIC_ROOT=tmp_path_factory.mktemp("static"),
    ):
        yield


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    """A request leaves its language behind, for the next request to change; a test that makes none has none."""
    yield
    translation.deactivate()


@pytest.fixture(scope="module")
def module_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """For rows that every test of a module may read: made once, and gone after its last test.

    What a test changes is undone at its end, as ever: its own transaction lies within this one. Objects that
    outlive a test are not undone, so that whoever hands them out hands out copies. The module is marked with
    `django_db`, from which pytest-django knows that a database is needed.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def no_name_leads_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account with a real address is one that cannot be reached, and at once."""
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **named: Any) -> Any:
        if host in {"api.credly.com", "sandbox-api.credly.com"} or str(host).endswith(".accredible.com"):
            raise socket.gaierror(socket.EAI_NONAME, "no name leads outside")
        return real(host, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One sandbox provider for all tests of a process: tests ask for `sandbox`, which makes it forget."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    process.start()
    yield process
    process.close()
