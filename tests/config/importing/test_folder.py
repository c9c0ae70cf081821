"""A folder as a whole: what lands, what is told, and that a second import changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.importing import import_folder
from tests.config.importing.conftest import SOUND, Folder, dump
from tms.errors import DomainError
from tms.models import CourseTag, Lab, LearningRecord, Organization, ProgressChange, User

pytestmark = pytest.mark.django_db


def rows_of(name: str) -> int:
    return len(SOUND[name].strip().splitlines()) - 1


def test_every_row_of_a_sound_folder_lands(folder: Folder) -> None:
    report = folder.run()

    assert report.problems == []
    assert {name: counts.created for name, counts in report.counts.items()} == {
        name: rows_of(name) for name in SOUND
    }


def test_activity_reaches_the_transcript_and_evaluation(folder: Folder) -> None:
    folder.run()

    # not the wait-listed, the no-show, the cancelled and the failed one
    training = LearningRecord.objects.exclude(subject=LearningRecord.Subject.ACTIVITY)
    assert training.count() == 6
    assert set(ProgressChange.objects.values_list("learner__external_id", flat=True)) == {"u-1", "u-2", "u-3"}


def test_a_second_import_changes_nothing(folder: Folder) -> None:
    folder.run()
    before = dump()

    report = folder.run()

    assert report.problems == []
    assert {name: counts.unchanged for name, counts in report.counts.items()} == {
        name: rows_of(name) for name in SOUND
    }
    assert dump() == before


def test_a_second_import_writes_not_even_what_is_there_already(folder: Folder) -> None:
    folder.run()

    with CaptureQueriesContext(connection) as statements:
        folder.run()

    words = {statement["sql"].split()[0] for statement in statements.captured_queries}
    assert words <= {"SELECT", "SAVEPOINT", "RELEASE"}


def test_only_what_changed_is_written(folder: Folder) -> None:
    folder.run()
    ProgressChange.objects.all().delete()
    folder.replace("labs", "First steps", "The first steps")
    folder.replace("lab_instances", "85.5", "86")

    report = folder.run()

    assert {name: counts.updated for name, counts in report.counts.items() if counts.updated} == {
        "labs": 1,
        "lab_instances": 1,
    }
    assert Lab.objects.get(external_id="lab-1").name == "The first steps"
    assert LearningRecord.objects.get(score=92.5).minutes == 86
    assert [change.learner.external_id for change in ProgressChange.objects.all()] == ["u-1"]


def test_a_missing_file_leaves_its_rows_alone(folder: Folder) -> None:
    folder.run()
    folder.keep_only("labs")

    report = folder.run()

    assert list(report.counts) == ["labs"]
    assert User.objects.count() == 3


def test_a_missing_optional_column_says_nothing(folder: Folder) -> None:
    folder.run()
    folder.keep_only("users")
    folder.write(
        "users",
        """
        external_id,email,first_name,last_name,organization
        u-2,grace@example.org,Grace,Hopper,berlin
        u-3,alan@example.org,Alan,Turing,academy
        """,
    )

    report = folder.run()

    assert report.counts["users"].unchanged == 2
    user = User.objects.get(external_id="u-2")
    assert (user.time_zone, user.is_active, user.participate_in_achievements) == ("Asia/Tokyo", False, False)


def test_files_of_unknown_names_are_told_with_the_name_they_may_have_meant(folder: Folder) -> None:
    folder.write("user", "external_id")
    folder.write("notes", "a,b")
    (folder.path / "labs.xlsx").write_bytes(b"PK")
    (folder.path / "README.md").write_text("About this export.")
    (folder.path / ".hidden.csv").write_text("")

    told = {problem.file: problem.message for problem in folder.problems()}

    assert set(told) == {"user.csv", "notes.csv", "labs.xlsx"}
    assert "Did you mean users.csv?" in told["user.csv"]
    assert "Did you mean labs.csv?" in told["labs.xlsx"]
    assert "organizations.csv" in told["notes.csv"]


def test_unknown_columns_are_told_and_the_rows_land(folder: Folder) -> None:
    folder.keep_only("organizations")
    folder.write("organizations", "external_id,name,colour,\no-1,One,red,x")

    report = folder.run()

    assert [(problem.line, problem.column) for problem in report.problems] == [(1, "colour"), (1, None)]
    assert "time_zone" in report.problems[0].message
    assert "Column 4 has no name" in report.problems[1].message
    assert Organization.objects.get().name == "One"


def test_a_file_without_a_required_column_is_refused_and_the_others_go_on(folder: Folder) -> None:
    folder.keep_only("organizations", "users", "labs")
    folder.write("users", "external_id,mail,first_name,last_name\nu-1,a@example.org,A,B")

    problem = folder.problem()

    assert (problem.file, problem.line) == ("users.csv", 1)
    assert "email, organization" in problem.message
    assert "external_id, mail, first_name, last_name" in problem.message
    assert not User.objects.exists()
    assert Lab.objects.count() == 2


@pytest.mark.parametrize("sign", [";", "\t"])
def test_cells_that_are_not_parted_by_commas_are_told(folder: Folder, sign: str) -> None:
    folder.keep_only("organizations")
    folder.write("organizations", sign.join(["external_id", "name"]))

    [problem] = folder.run().problems

    assert problem.line == 1
    assert "Part the cells with commas" in problem.message


def test_a_header_that_names_a_column_twice_is_refused(folder: Folder) -> None:
    folder.keep_only("organizations")
    folder.write("organizations", "external_id,name,Name\no-1,One,Two")

    assert "twice: name" in folder.problem().message


def test_a_row_that_is_not_there_yet_is_waited_for(folder: Folder) -> None:
    """In the sound folder a child stands above its parent, and an achievement above the one it names."""
    folder.run()

    berlin = Organization.objects.get(external_id="berlin")
    assert berlin.parent is not None
    assert berlin.parent.external_id == "academy"


def test_a_reference_to_a_refused_row_says_so(folder: Folder) -> None:
    folder.keep_only("organizations", "users")
    folder.write(
        "organizations",
        """
        external_id,name,parent,time_zone
        a,A,,Mars/Olympus
        b,B,a,
        c,C,nowhere,
        """,
    )
    folder.write("users", "external_id,email,first_name,last_name,organization\nu-1,a@example.org,A,B,b")

    told = [(problem.file, problem.line, problem.column, problem.message) for problem in folder.problems()]

    assert told == [
        (
            "organizations.csv",
            2,
            "time_zone",
            "“Mars/Olympus” is not a time zone. Use a name such as Europe/Berlin or America/Chicago.",
        ),
        ("organizations.csv", 3, "parent", "The organization “a” was refused (organizations.csv, line 2)."),
        ("organizations.csv", 4, "parent", "No organization has the external ID “nowhere”."),
        ("users.csv", 2, "organization", "The organization “b” was refused (organizations.csv, line 3)."),
    ]


def test_a_row_that_was_stored_before_can_be_referred_to_though_refused_now(folder: Folder) -> None:
    folder.run()
    folder.keep_only("organizations", "labs")
    folder.replace("organizations", "America/Chicago", "Chicago")
    folder.replace("labs", "First steps", "Other steps")

    report = folder.run()

    assert [problem.file for problem in report.problems] == ["organizations.csv"]
    assert report.counts["labs"].updated == 1


def test_an_external_id_twice_in_a_file_counts_once(folder: Folder) -> None:
    folder.keep_only("organizations", "course_tags")
    folder.add("course_tags", ",tag-1,Impostor,academy")

    problem = folder.problem()

    assert (problem.file, problem.line, problem.column) == ("course_tags.csv", 4, "external_id")
    assert "line 2" in problem.message
    assert CourseTag.objects.get(external_id="tag-1").name == "Security"


def test_every_bad_cell_of_a_row_is_told(folder: Folder) -> None:
    folder.add("lab_instances", "li-9,u-9,lab-9,,,yesterday,,-1,perhaps,101,shut")

    report = folder.run()

    assert {(problem.line, problem.column) for problem in report.problems} == {
        (6, "user"),
        (6, "lab"),
        (6, "started_at"),
        (6, "minutes"),
        (6, "passed"),
        (6, "score_percent"),
        (6, "status"),
    }
    assert report.counts["lab_instances"].refused == 1
    assert report.counts["lab_instances"].created == 4


def test_a_required_cell_may_not_be_empty(folder: Folder) -> None:
    folder.keep_only("organizations", "labs")
    folder.add("labs", ",,Nameless,academy,", ",lab-9,,,")

    told = [(problem.line, problem.column) for problem in folder.problems()]

    assert told == [(4, "external_id"), (5, "name"), (5, "organization")]


def test_too_long_a_text_is_told_with_its_limit(folder: Folder) -> None:
    folder.keep_only("organizations", "labs")
    folder.add("labs", f",lab-9,{'x' * 201},academy,")

    problem = folder.problem()

    assert (problem.line, problem.column) == (4, "name")
    assert "200" in problem.message
    assert "201" in problem.message


@pytest.mark.parametrize("content", ["nowhere", "", "other"])
def test_a_folder_with_nothing_to_import_is_wrong_usage(tmp_path: Path, content: str) -> None:
    path = tmp_path / "given"
    if content != "nowhere":
        path.mkdir()
    if content == "other":
        (path / "other.csv").write_text("a,b")

    with pytest.raises(DomainError):
        import_folder(path)


def test_a_file_that_cannot_be_opened_is_told(folder: Folder) -> None:
    folder.keep_only("organizations")
    (folder.path / "labs.csv").mkdir()

    problem = folder.problem()

    assert problem.file == "labs.csv"
    assert Organization.objects.count() == 2


def test_progress_goes_up_to_the_number_of_rows(folder: Folder) -> None:
    seen: list[tuple[str, int, int]] = []

    import_folder(folder.path, progress=lambda *told: seen.append(told))

    assert list(dict.fromkeys(file for file, _done, _total in seen)) == [f"{name}.csv" for name in SOUND]
    users: list[Any] = [(done, total) for file, done, total in seen if file == "users.csv"]
    assert users == sorted(users)
    assert users[-1] == (3, 3)
