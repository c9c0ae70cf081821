"""The container files, checked as far as that goes without a container engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.urls import resolve

from badges import delivery
from providers import http

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LOCKS = ("base", "dev")


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split(" ", 1)[1] for line in joined.splitlines() if line.startswith(f"{name} ")]


def test_compose_has_the_production_shape():
    assert {"web", "worker", "beat", "postgres", "redis", "sandbox"} <= set(SERVICES)
    assert SERVICES["sandbox"]["profiles"] == ["trial"]


@pytest.mark.parametrize("name", ["web", "worker", "beat", "postgres", "redis", "sandbox"])
def test_every_service_has_a_health_check(name):
    own = SERVICES[name].get("healthcheck")
    assert (own and own["test"]) or instructions("HEALTHCHECK")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_waits_for_exists_and_can_be_waited_for(name):
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        assert wait["condition"] in {"service_healthy", "service_completed_successfully"}
        if wait["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]


def test_a_worker_that_is_to_end_has_time_to_write_down_what_is_under_way():
    longest = delivery.TASK_SECONDS + settings.ISSUE_LEASE_SECONDS * http.LEASE_SHARE
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > longest


def test_every_named_volume_is_declared():
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert used == set(COMPOSE["volumes"])


def test_no_secret_stands_in_the_files():
    for service in SERVICES.values():
        for name, text in service.get("environment", {}).items():
            if "PASSWORD" in name or "SECRET" in name or "KEY" in name:
                assert str(text).startswith("${"), name


def test_the_web_process_is_checked_at_a_page_that_exists():
    path = re.search(r"\+ '(/\w+)'", instructions("HEALTHCHECK")[0])
    assert path
    assert resolve(path[1]).url_name == "healthz"


def test_the_image_does_not_run_as_root():
    assert instructions("USER") == ["app"]


def test_what_the_image_copies_exists():
    for line in instructions("COPY"):
        if "--from" not in line:
            source = line.split()[0]
            assert (ROOT / source).exists(), source


@pytest.mark.parametrize("name", ["worker", "beat", "migrate", "sandbox"])
def test_commands_name_programs_that_exist(name):
    command = SERVICES[name]["command"]
    module = {"celery": ["-m", "celery", *command[1:4], "--help"], "python": [*command[1:3], "--help"]}
    result = subprocess.run(
        [sys.executable, *module[command[0]]],
        cwd=ROOT,
        env={**os.environ, "DEBUG": "on"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_static_files_are_collected_with_the_settings_of_the_image(tmp_path):
    """The manifest storage fails on a stylesheet that names a missing file."""
    line = next(line for line in instructions("RUN") if "collectstatic" in line)
    environment = dict(re.findall(r"(\w+)=(\S+)", line))
    result = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "STATIC_ROOT": str(tmp_path),
            "DATA_DIR": str(tmp_path),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "staticfiles.json").exists()


@pytest.mark.parametrize("host", [{}, {"HOST": ""}])
def test_the_site_listens_on_this_machine_only_unless_it_is_told_otherwise(host):
    kept = {name: text for name, text in os.environ.items() if name != "HOST"}
    result = subprocess.run(
        [sys.executable, "-c", "from config import gunicorn; print(gunicorn.bind)"],
        cwd=ROOT,
        env={**kept, "DEBUG": "on", "DJANGO_SETTINGS_MODULE": "config.settings", "PORT": "", **host},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.strip() == "127.0.0.1:8000", result.stderr


def test_make_says_which_python_is_missing(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    result = subprocess.run(
        ["make", "setup", "PYTHON="], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "Python 3.11 or newer is needed" in result.stdout
    assert not (tmp_path / ".venv").exists()


def test_make_says_when_venv_is_missing(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    lame = tmp_path / "python-without-venv"
    lame.write_text("#!/bin/sh\n[ $1 = --version ] && echo Python 3.12 && exit 0\nexit 1\n", encoding="utf-8")
    lame.chmod(0o755)
    result = subprocess.run(
        ["make", "setup", f"PYTHON={lame}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "apt install python3-venv" in result.stdout


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_pin_every_package_with_a_hash_and_name_no_address(lock):
    text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z0-9][\w.-]*==.*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(packages) > 20
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in text


def test_the_environment_of_tests_contains_that_of_the_product():
    pins = [
        set(
            re.findall(
                r"^([\w.-]+==\S+)", (ROOT / f"requirements/{lock}.txt").read_text("utf-8"), re.MULTILINE
            )
        )
        for lock in LOCKS
    ]
    assert pins[0] <= pins[1]
