"""The environment decides; a mistake in it stops the start with a sentence that names the variable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY = "A" * 43 + "="
PRODUCTION = {
    "SECRET_KEY": "long-and-random",
    "FIELD_ENCRYPTION_KEYS": KEY,
    "ALLOWED_HOSTS": "tms.example.org",
}


def settings_of(environment: dict[str, str], expression: str) -> subprocess.CompletedProcess[str]:
    program = f"from config import settings; print(settings.{expression})"
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def value_of(environment: dict[str, str], expression: str) -> str:
    result = settings_of(environment, expression)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("missing", ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"])
def test_production_does_not_start_without_its_secrets(missing):
    environment = {name: text for name, text in PRODUCTION.items() if name != missing}
    result = settings_of(environment, "DEBUG")
    assert result.returncode != 0
    assert f"{missing} is not set" in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"), [("on", "True"), ("off", "False"), ("TRUE", "True"), ("0", "False")]
)
def test_switches_are_read(text, expected):
    assert value_of({**PRODUCTION, "DEBUG": text}, "DEBUG") == expected


def test_a_switch_that_is_neither_on_nor_off_stops_the_start():
    result = settings_of({**PRODUCTION, "BADGES_ENABLED": "maybe"}, "DEBUG")
    assert result.returncode != 0
    assert "BADGES_ENABLED is 'maybe'" in result.stderr


def test_a_number_that_is_none_stops_the_start():
    result = settings_of({**PRODUCTION, "ISSUE_LEASE_SECONDS": "soon"}, "DEBUG")
    assert result.returncode != 0
    assert "ISSUE_LEASE_SECONDS is 'soon'" in result.stderr


def test_a_value_is_taken_as_it_stands():
    assert value_of({**PRODUCTION, "SECRET_KEY": "$3cr#t\\$="}, "SECRET_KEY") == "$3cr#t\\$="


def test_a_value_may_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text("from-a-file\n", encoding="utf-8")
    environment = {**PRODUCTION, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")}
    assert value_of(environment, "SECRET_KEY") == "from-a-file"


def test_a_file_that_cannot_be_read_is_named():
    result = settings_of({**PRODUCTION, "SECRET_KEY_FILE": "/nowhere/key"}, "DEBUG")
    assert result.returncode != 0
    assert "SECRET_KEY_FILE names /nowhere/key" in result.stderr


def test_without_servers_the_worker_is_embedded_and_the_database_a_file():
    assert value_of({"DEBUG": "on"}, "EMBEDDED_WORKER") == "True"
    assert value_of({"DEBUG": "on"}, "DATABASES['default']['ENGINE']").endswith("sqlite3")


def test_with_servers_the_worker_is_a_process_of_its_own():
    servers = {"DATABASE_URL": "postgres://tms@db:5432/tms", "REDIS_URL": "redis://cache:6379/0"}
    assert value_of({**PRODUCTION, **servers}, "EMBEDDED_WORKER") == "False"
    assert value_of({**PRODUCTION, **servers}, "CELERY_BROKER_URL") == "redis://cache:6379/0"
    assert value_of({**PRODUCTION, **servers}, "DATABASES['default']['ENGINE']").endswith("postgresql")


def test_cookies_are_secure_where_the_address_is():
    assert (
        value_of({**PRODUCTION, "PUBLIC_URL": "https://tms.example.org"}, "SESSION_COOKIE_SECURE") == "True"
    )
    assert value_of({"DEBUG": "on"}, "SESSION_COOKIE_SECURE") == "False"


def test_the_policy_allows_nothing_inline():
    policy = value_of(PRODUCTION, "CONTENT_SECURITY_POLICY['DIRECTIVES']")
    assert "unsafe" not in policy


def test_every_name_of_the_example_is_read():
    names = {
        line.lstrip("#").split("=")[0]
        for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
        if "=" in line
    }
    source = (ROOT / "config/settings.py").read_text(encoding="utf-8")
    assert {name for name in names if f'"{name}"' not in source} == set()


def test_languages_are_named_by_their_codes():
    assert value_of(PRODUCTION, "LANGUAGES") == "[('en', 'English'), ('de', 'Deutsch')]"
    chosen = {**PRODUCTION, "LANGUAGES": "de, pt-br"}
    assert value_of(chosen, "LANGUAGES[1][0]") == "pt-br"
    assert value_of(chosen, "LANGUAGE_CODE") == "de"


def test_a_language_that_is_unknown_stops_the_start():
    result = settings_of({**PRODUCTION, "LANGUAGES": "en,german"}, "LANGUAGES")
    assert result.returncode != 0
    assert "LANGUAGES names german" in result.stderr


def test_catalogues_of_ones_own_come_first():
    assert value_of({**PRODUCTION, "LOCALE_DIR": "/srv/locale"}, "LOCALE_PATHS[0]") == "/srv/locale"


class TestMail:
    def test_production_without_a_server_sends_none(self):
        assert value_of(PRODUCTION, "MAIL_ENABLED") == "False"
        assert value_of(PRODUCTION, "EMAIL_BACKEND").endswith(".dummy.EmailBackend")

    def test_while_trying_it_is_written_to_files(self, tmp_path):
        environment = {"DEBUG": "on", "DATA_DIR": str(tmp_path)}
        assert value_of(environment, "MAIL_ENABLED") == "True"
        assert value_of(environment, "EMAIL_FILE_PATH") == str(tmp_path / "mail")

    def test_a_server_is_named_in_one_address(self):
        environment = {**PRODUCTION, "EMAIL_URL": "smtp+tls://ada:secret@mail.example.org:587"}
        names = "EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_USE_TLS, MAIL_ENABLED, EMAIL_TIMEOUT"
        expression = f"EMAIL_URL and [getattr(settings, name) for name in '{names}'.split(', ')]"
        assert value_of(environment, expression) == "['mail.example.org', 587, 'ada', True, True, 10]"

    def test_an_address_of_another_kind_stops_the_start(self):
        result = settings_of({**PRODUCTION, "EMAIL_URL": "pigeon://ada:secret@loft"}, "DEBUG")
        assert result.returncode != 0
        assert "EMAIL_URL cannot be used: Invalid email schema pigeon." in result.stderr
        assert "secret" not in result.stderr.splitlines()[-1]
