"""Names of tests: each process that runs a part of them must find the same ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COLLECT = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "--no-header"]


def names(*, seed: int) -> list[str]:
    found = subprocess.run(
        COLLECT,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return [line for line in found.stdout.splitlines() if "::" in line]


@pytest.mark.services  # for its twenty seconds, not for any server
def test_no_test_is_named_after_the_time_or_after_chance() -> None:
    """Workers that disagree about one name run no test at all."""
    first, second = names(seed=1), names(seed=2)
    assert first
    assert first == second
