"""Worker and beat inside the web process, over the memory broker, without any server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import time
import django
django.setup()
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
# The tables as the models say: migrations are tried elsewhere, and take ten times as long.
settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
call_command("migrate", run_syncdb=True, verbosity=0)
from config import embedded
embedded.start()
embedded.start()  # a second call changes nothing
from achievements.models import EarnedAchievement
from tests.factories import AchievementFactory, LabInstanceFactory, OrganizationFactory, UserFactory
organization = OrganizationFactory()
achievement = AchievementFactory(organization=organization)
started = time.monotonic()
LabInstanceFactory(user=UserFactory(organization=organization))
while not EarnedAchievement.objects.exists() and time.monotonic() < started + 30:
    time.sleep(0.05)
print("earned" if EarnedAchievement.objects.exists() else "nothing", embedded.threads())
"""


def test_a_fact_is_awarded_by_the_embedded_worker_with_no_server(tmp_path):
    unset = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "EMBEDDED_WORKER"}
    kept = {name: text for name, text in os.environ.items() if name not in unset}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "on", "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert result.stdout.split() == ["earned", "2"], result.stdout + result.stderr
