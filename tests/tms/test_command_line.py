"""What the commands have in common."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management.base import OutputWrapper

from tms.command_line import ProgressBar


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_a_terminal() -> None:
    terminal = Terminal()

    with ProgressBar(OutputWrapper(terminal)) as bar:
        bar("users.csv", 0, 2_000)
        bar("users.csv", 2_000, 2_000)
        bar("labs.csv", 0, 0)

    assert "users.csv" in terminal.getvalue()
    assert "2,000 / 2,000" in terminal.getvalue()
    assert terminal.getvalue().count("\n") == 2


def test_progress_is_not_redrawn_for_every_row() -> None:
    terminal = Terminal()

    with ProgressBar(OutputWrapper(terminal)) as bar:
        for row in range(10_000):
            bar("users.csv", row, 10_000)

    assert terminal.getvalue().count("\r") < 100


@pytest.mark.parametrize("done", [0, 5])
def test_progress_is_silent_where_nobody_watches(done: int) -> None:
    stream = StringIO()

    with ProgressBar(OutputWrapper(stream)) as bar:
        bar("users.csv", done, 5)

    assert stream.getvalue() == ""


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("sqlite:///{folder}/empty.sqlite3", "The database is not up to date. Run manage.py migrate first."),
        ("postgres://nobody@127.0.0.1:9/nothing", "The database cannot be reached: "),
    ],
)
def test_a_database_that_no_command_can_work_on_is_told_in_a_sentence(
    tmp_path: Path, database: str, words: str
) -> None:
    told = subprocess.run(
        [sys.executable, "manage.py", "award"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database.format(folder=tmp_path), "DEBUG": "on"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 2
    assert words in told.stderr
    assert "Traceback" not in told.stderr
