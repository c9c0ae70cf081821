"""What a cell may hold: the value that is read, or a sentence with what is found and what is allowed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from config.importing import cells
from config.importing.cells import BadCell
from tms.access import Role
from tms.models import Class, Enrollment, LabInstance

lab_status = cells.one_of(LabInstance.Status, also={"failed": "lab_creation_failed"})


@pytest.mark.parametrize(
    ("reader", "cell", "value"),
    [
        (cells.boolean, "true", True),
        (cells.boolean, "FALSE", False),
        (cells.moment, "2026-03-31T09:00:00+02:00", datetime(2026, 3, 31, 7, tzinfo=UTC)),
        (cells.moment, "2026-03-31T07:00:00Z", datetime(2026, 3, 31, 7, tzinfo=UTC)),
        (cells.moment, "2026-03-31 07:00:00.25+00:00", datetime(2026, 3, 31, 7, 0, 0, 250_000, tzinfo=UTC)),
        (cells.whole(), "0", 0),
        (cells.whole(), "2147483647", 2_147_483_647),
        (cells.decimal(maximum=100), "92.5", 92.5),
        (cells.decimal(maximum=100), "100", 100.0),
        (cells.one_of(Enrollment.Status), "Wait-Listed", "wait_listed"),
        (cells.one_of(Enrollment.Status), "wait_listed", "wait_listed"),
        (cells.one_of(Enrollment.Completion), "No Show", "no_show"),
        (cells.one_of(Enrollment.Completion), "NOSHOW", "no_show"),
        (
            cells.one_of(Class.Status, also={"guaranteed to run": "guaranteed"}),
            "Guaranteed To Run",
            "guaranteed",
        ),
        (lab_status, "Failed", "lab_creation_failed"),
        (lab_status, "Lab Creation Failed", "lab_creation_failed"),
        (lab_status, "Submitted For Grading", "submitted_for_grading"),
        (cells.many_of(Role), "Administrator; Contract Instructor", {"administrator", "contract_instructor"}),
        (cells.items, " b ;a;; b", ["b", "a"]),
        (cells.time_zone, "Europe/Berlin", "Europe/Berlin"),
        (cells.language, "DE", "de"),
        (cells.email, " Ada@Example.ORG", "ada@example.org"),
    ],
)
def test_a_cell_is_read(reader: cells.Reader, cell: str, value: Any) -> None:
    assert reader(cell) == value


@pytest.mark.parametrize(
    ("reader", "cell", "allowed"),
    [
        (cells.boolean, "yes", "true and false"),
        (cells.boolean, "1", "true and false"),
        (cells.moment, "2026-03-31", "no zone"),
        (cells.moment, "2026-03-31T09:00:00", "no zone"),
        (cells.moment, "31.03.2026 09:00", "2026-03-31T09:00:00+02:00"),
        (cells.moment, "2026-02-30T09:00:00Z", "not a time"),
        (cells.moment, "0001-01-01T00:00:00+14:00", "1900 to 2999"),
        (cells.moment, "9999-12-31T23:59:59-12:00", "1900 to 2999"),
        (cells.whole(), "-1", "from 0 to 2147483647"),
        (cells.whole(), "1.0", "whole numbers"),
        (cells.whole(), "1_000", "whole numbers"),
        (cells.whole(), "٣", "whole numbers"),
        (cells.whole(), "9" * 5000, "whole numbers"),
        (cells.whole(minimum=1), "0", "from 1"),
        (cells.whole(), "2147483648", "2147483647"),
        (cells.decimal(maximum=100), "100.1", "from 0 to 100"),
        (cells.decimal(maximum=100), "-0.5", "from 0 to 100"),
        (cells.decimal(maximum=100), "nan", "from 0 to 100"),
        (cells.decimal(maximum=100), "1e1", "from 0 to 100"),
        (cells.decimal(maximum=100), "92,5", "from 0 to 100"),
        (cells.one_of(Enrollment.Status), "here", "requested, cancelled, wait_listed"),
        (cells.time_zone, "CEST", "Europe/Berlin"),
        (cells.language, "German", "allowed are en, de"),
    ],
)
def test_a_cell_is_refused_with_what_is_found_and_what_is_allowed(
    reader: cells.Reader, cell: str, allowed: str
) -> None:
    with pytest.raises(BadCell) as refusal:
        reader(cell)

    sentence = str(refusal.value)
    assert allowed in sentence
    assert cell[:4] in sentence
    assert len(sentence) < 400


def test_the_unknown_word_of_a_list_is_told() -> None:
    with pytest.raises(BadCell, match="“boss” is found; allowed are administrator, instructor"):
        cells.many_of(Role)("administrator;boss")


def test_a_secret_is_read_from_the_environment_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", " tok-123 ")
    monkeypatch.delenv("OTHER_TOKEN", raising=False)

    assert cells.from_environment("SOME_TOKEN") == "tok-123"
    with pytest.raises(BadCell, match="OTHER_TOKEN is not set"):
        cells.from_environment("OTHER_TOKEN")
    with pytest.raises(BadCell) as refusal:
        cells.from_environment("aGVsbG8-a-real-token")
    assert "aGVsbG8" not in str(refusal.value)
