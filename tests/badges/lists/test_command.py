"""manage.py issue_badges."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from badges.models import IssuedBadge, IssuingAct
from tests.factories import AdministratorFactory, BadgeFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def badge():
    return BadgeFactory(name="Azure", external_id="b-azure")


@pytest.fixture
def ada(badge):
    return UserFactory(organization=badge.organization, email="ada@example.org", external_id="u-ada")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "winners.csv"


def run(file: Path, text: str | None, *arguments: str) -> tuple[str, int]:
    """What is printed, and the exit code."""
    if text is not None:
        file.write_text(text, encoding="utf-8")
    output = StringIO()
    try:
        call_command("issue_badges", str(file), *arguments, stdout=output)
    except SystemExit as end:
        return output.getvalue(), int(str(end.code))
    except CommandError as error:
        return f"{output.getvalue()}{error}", error.returncode
    return output.getvalue(), 0


def as_json(*arguments: Any) -> tuple[Any, int]:
    text, code = run(*arguments, "--json")
    return json.loads(text), code


def test_a_list_is_issued_as_one_act(file, badge, ada):
    text, code = run(file, "email,badge\nada@example.org,Azure\n")
    act = IssuingAct.objects.get()
    assert (text, code) == (f"Act {act.pk}: 1 badge is on its way.\n", 0)
    assert (act.source_kind, act.file_name, act.actor) == ("command", "winners.csv", None)
    assert IssuedBadge.objects.get().learner == ada


def test_bad_rows_are_listed_and_good_ones_issued(file, badge, ada):
    data, code = as_json(file, "email,badge\nnobody@x.org,Azure\nu-ada,b-azure\n")
    row = IssuedBadge.objects.get()
    assert (code, data["act"], data["issued"], data["refused"]) == (1, IssuingAct.objects.get().pk, 1, 1)
    assert [(item["row"], item["code"]) for item in data["rows"]] == [(2, "unknown_learner"), (3, "queued")]
    assert (data["rows"][1]["user"], data["rows"][1]["issued_badge"]) == (ada.pk, row.pk)
    text, code = run(file, None)
    assert code == 1
    assert "     2  “nobody@x.org” is nobody" in text
    assert "     3  This badge is already on its way" in text


def test_a_dry_run_tells_and_issues_nothing(file, badge, ada):
    data, code = as_json(file, "email,badge\nu-ada,b-azure\n", "--dry-run")
    assert (code, data["act"], data["rows"][0]["code"]) == (0, None, "ready")
    assert run(file, None, "--dry-run")[0] == "1 badge can be issued.\n"
    assert not IssuedBadge.objects.exists()


def test_what_the_list_does_not_say_is_said_beside_it(file, badge, ada):
    arguments = ("--badge", "b-azure", "--date", "2026-03-02", "--note", "Won", "--column", "learner=Who")
    assert run(file, "Who,email\nu-ada,x@x.org\n", *arguments)[1] == 0
    row = IssuedBadge.objects.get()
    assert (row.learner, row.reason, row.earned_at.date().isoformat()) == (ada, "Won", "2026-03-02")


def test_names_of_columns_that_only_the_options_know_are_a_header(file, badge, ada):
    columns = ("--column", "learner=Who", "--column", "badge=What")
    data, code = as_json(file, "Who,What\nu-ada,b-azure\n", *columns, "--dry-run")
    assert (code, [item["row"] for item in data["rows"]]) == (0, [2])


def test_as_an_administrator_it_reaches_what_they_reach(file, badge, ada):
    stranger = AdministratorFactory(email="stranger@example.org")
    data, code = as_json(file, "email,badge\nu-ada,b-azure\n", "--as", stranger.email)
    assert (code, data["rows"][0]["code"], data["act"]) == (1, "unknown_learner", None)
    admin = AdministratorFactory(organization=badge.organization, email="boss@example.org")
    assert run(file, None, "--as", admin.email)[1] == 0
    assert IssuedBadge.objects.get().issued_by == admin


def test_our_own_id_of_a_learner_is_marked_as_one(file, badge, ada):
    data, _code = as_json(file, f"learner,badge\n{ada.pk},b-azure\nid:{ada.pk},{badge.pk}\n", "--dry-run")
    assert [item["code"] for item in data["rows"]] == ["unknown_learner", "ready"]


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        (None, (), "cannot be read: No such file or directory"),
        ("", (), "The file is empty"),
        ("who,badge\nx,y\n", (), "Say which column names the learners"),
        ("email\nx\n", (), "Say which column names the badges"),
        ("email,badge\nx,y\n", ("--column", "colour=email"), "“colour” is no field"),
        ("email,badge\nx,y\n", ("--column", "learner=gone"), "The list has no column “gone”"),
        ("email,badge\nx,y\n", ("--badge", "gone"), "No badge is called “gone”"),
        ("email,badge\nx,y\n", ("--as", "gone"), "No user is called “gone”"),
        ("email,badge\nx,y\n", ("--as", ""), "No user is called “”"),
    ],
)
def test_a_wrong_usage_is_told_and_nothing_happens(file, text, arguments, words):
    printed, code = run(file, text, *arguments)
    assert (code, words in printed) == (2, True), printed
