"""How long something took, in few characters."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tms.durations import short


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (3600 * 3 + 60 * 5 + 9, "3 h 5 min"),
        (86_400 * 2, "2 d"),
        (86_400 * 2 + 3600 * 4 + 120, "2 d 4 h"),
    ],
)
def test_a_duration_is_told_no_finer_than_is_of_interest(seconds: int, text: str) -> None:
    assert short(timedelta(seconds=seconds)) == text
