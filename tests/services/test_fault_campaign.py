"""The campaign of benchmarks.fault_campaign in short, by the command that everybody runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.servers import missing
from tests.services.crew import ROOT

pytestmark = pytest.mark.services


@pytest.mark.skipif(bool(missing()), reason=f"not here: {', '.join(missing())}")
def test_everybody_gets_one_badge_or_a_true_reason_whatever_breaks() -> None:
    command = [sys.executable, "-m", "benchmarks.fault_campaign", "--issues", "300", "--minutes", "0.4"]
    command += ["--lease", "3", "--workers", "2"]

    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "DEBUG": "on"}, capture_output=True, text=True, check=False
    )

    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    for happened in ("crash of PostgreSQL", "crash of Redis", "killed with SIGKILL", "stopped beyond"):
        assert happened in done.stdout
