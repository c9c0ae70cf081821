"""What the commands have in common."""

from __future__ import annotations

from io import StringIO

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
