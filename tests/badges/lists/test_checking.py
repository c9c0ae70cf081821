"""Each row of a list is a learner and a badge, or a sentence that names what was found and what is allowed."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from badges.lists.checking import MOST_ROWS, MOST_SUGGESTIONS, Checked, Given, check
from badges.lists.reading import read
from badges.status import Status
from providers.base import Evidence
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.errors import DomainError

pytestmark = pytest.mark.django_db
HEAD = "email,badge,date,evidence url,evidence name,note"


@pytest.fixture
def organization():
    return OrganizationFactory(name="North", time_zone="America/Chicago")


@pytest.fixture
def admin(organization):
    return AdministratorFactory(organization=organization)


@pytest.fixture
def badge(organization):
    return BadgeFactory(organization=organization, name="Azure Fundamentals", external_id="b-azure")


@pytest.fixture
def ada(organization):
    return UserFactory(organization=organization, email="ada@example.org", external_id="u-ada")


def checked(text: str, *, actor=None, **given) -> Checked:
    table = read(text)
    return check(table, mapping=table.guess, given=Given(**given), actor=actor)


def row(text: str, *, actor=None, **given):
    """What becomes of one row below the full header."""
    commas = ",".join([text, *[""] * (5 - text.count(","))])
    (line,) = checked(f"{HEAD}\n{commas}\n", actor=actor, **given).lines
    return line


def problem(text: str, *, actor=None, **given) -> tuple[str, str]:
    line = row(text, actor=actor, **given)
    assert line.number == 2
    return line.code, line.message


# --- Good rows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["ada@example.org", " ADA@Example.org ", "u-ada", "ext:u-ada", "ID"])
@pytest.mark.parametrize(
    "what", ["azure fundamentals", "Azure  Fundamentals", "b-azure", "ext:b-azure", "ID"]
)
def test_people_and_badges_go_by_all_their_names(admin, badge, ada, who, what):
    who = f"id:{ada.pk}" if who == "ID" else who
    what = str(badge.pk) if what == "ID" else what
    line = row(f"{who},{what}", actor=admin)
    assert (line.code, line.pair.learner, line.pair.badge) == ("", ada, badge)


def test_a_row_brings_its_date_evidence_and_note(admin, badge, ada):
    line = row("u-ada,b-azure,2026-03-02,https://example.org/x,Talk,Well done", actor=admin)
    pair = line.pair
    assert pair.issued_at == datetime(2026, 3, 2, tzinfo=ZoneInfo("America/Chicago"))
    assert pair.evidence == (Evidence(name="Talk", url="https://example.org/x"),)
    assert pair.reason == "Well done"


@pytest.mark.parametrize("word", ["2026-03-02T10:00+02:00", "2026-03-02 08:00Z", "2026-03-02T02:00"])
def test_a_time_without_a_zone_is_one_of_the_badges_organization(admin, badge, ada, word):
    assert row(f"u-ada,b-azure,{word}", actor=admin).pair.issued_at == datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "reader", "is_now"),
    [
        ("2026-03-31T03:00Z", "Asia/Tokyo", True),  # the 30th in Chicago, the 31st in Tokyo
        ("2026-03-31T03:00Z", "America/Chicago", None),
        ("2026-03-31T06:00Z", "Asia/Tokyo", False),
        ("2026-03-31T06:00Z", "Pacific/Honolulu", False),  # the 31st in Chicago, the 30th in Honolulu
    ],
)
def test_a_day_that_has_begun_for_the_reader_or_for_the_organization_is_not_in_the_future(
    admin, badge, ada, monkeypatch, at, reader, is_now
):
    monkeypatch.setattr(timezone, "now", lambda: datetime.fromisoformat(at))
    with timezone.override(ZoneInfo(reader)):
        line = row("u-ada,b-azure,2026-03-31", actor=admin)
        assert row("u-ada,b-azure,2026-04-01", actor=admin).code == "issued_at"
    if is_now is None:
        assert line.code == "issued_at"
    else:
        begin = datetime(2026, 3, 31, tzinfo=ZoneInfo("America/Chicago"))
        assert (line.code, line.pair.issued_at) == ("", None if is_now else begin)


def test_what_is_given_for_all_counts_where_a_row_says_nothing(admin, badge, ada):
    other = BadgeFactory(organization=badge.organization, external_id="b-other")
    given = {"badge": badge, "issued_at": "2026-03-02", "note": "For all"}
    line = row("u-ada", actor=admin, **given)
    assert (line.pair.badge, line.pair.reason, line.pair.issued_at.day) == (badge, "For all", 2)
    line = row("u-ada,b-other,2026-03-09,,,Own", actor=admin, **given)
    assert (line.pair.badge, line.pair.reason, line.pair.issued_at.day) == (other, "Own", 9)


def test_of_badges_of_one_name_the_one_that_can_be_issued_is_meant(admin, badge, ada):
    BadgeFactory(organization=badge.organization, name="azure fundamentals", is_active=False)
    assert row("u-ada,Azure Fundamentals", actor=admin).pair.badge == badge


# --- Bad rows -----------------------------------------------------------------------------------------------


def test_who_and_what_is_unknown_or_out_of_reach_is_named_alike(admin, badge, ada):
    UserFactory(email="eve@example.org")
    BadgeFactory(name="Foreign")
    for word in ("eve@example.org", "nobody@example.org"):
        assert problem(f"{word},b-azure", actor=admin) == (
            "unknown_learner",
            f"“{word}” is nobody you can issue to; an e-mail address or an external ID is needed.",
        )
    for word in ("Foreign", "Nothing"):
        code, message = problem(f"u-ada,{word}", actor=admin)
        assert (code, f"“{word}” is no badge you can issue" in message) == ("unknown_badge", True)


def test_a_badge_that_is_misspelt_is_answered_with_what_was_probably_meant(admin, badge, ada):
    assert problem("u-ada,Azure Fundmentals", actor=admin)[1].endswith("Did you mean “Azure Fundamentals”?")


def test_what_was_probably_meant_is_looked_for_once_a_word_and_for_some_words_only(
    admin, badge, ada, monkeypatch
):
    asked = []

    def remember(word, *arguments, **options):
        asked.append(word)
        return get_close_matches(word, *arguments, **options)

    monkeypatch.setattr("badges.lists.checking.get_close_matches", remember)
    found = checked("email,badge\n" + "u-ada,Azure Fundmentals\n" * 5_000, actor=admin)
    assert asked == ["Azure Fundmentals"]
    assert len([line for line in found.problems if "Did you mean" in line.message]) == 5_000
    asked.clear()
    checked("email,badge\n" + "".join(f"u-ada,Wrong {number}\n" for number in range(500)), actor=admin)
    assert len(asked) == MOST_SUGGESTIONS


def test_a_row_that_names_nobody_or_nothing_says_so(admin, badge, ada):
    assert problem(",b-azure", actor=admin)[0] == "no_learner"
    assert problem("u-ada", actor=admin)[0] == "no_badge"


def test_a_bare_number_is_an_external_id_and_nobodys_own(admin, badge, ada):
    assert problem(f"{ada.pk},b-azure", actor=admin)[0] == "unknown_learner"
    bob = UserFactory(organization=badge.organization, external_id=str(ada.pk))
    assert row(f"{ada.pk},b-azure", actor=admin).pair.learner == bob
    assert row(f"id:{ada.pk},b-azure", actor=admin).pair.learner == ada


def test_a_word_that_is_one_persons_id_and_anothers_external_id_is_neither(admin, badge, ada):
    UserFactory(organization=badge.organization, external_id=f"id:{ada.pk}")
    assert problem(f"id:{ada.pk},b-azure", actor=admin)[0] == "ambiguous_learner"


def test_who_and_what_has_no_external_id_is_not_called_none(admin, badge, ada):
    UserFactory(organization=badge.organization, email="bob@example.org", external_id=None)
    BadgeFactory(organization=badge.organization, external_id=None)
    found = checked("email,badge\nbob@example.org,b-azure\next:None,b-azure\nu-ada,ext:None\n", actor=admin)
    assert [line.code for line in found.lines] == ["", "unknown_learner", "unknown_badge"]


def test_badges_of_one_name_are_told_apart_by_id(admin, badge, ada):
    child = OrganizationFactory(parent=badge.organization, name="Branch")
    twin = BadgeFactory(organization=child, name="Azure Fundamentals")
    code, message = problem("u-ada,Azure Fundamentals", actor=admin)
    assert code == "ambiguous_badge"
    assert f"{badge.pk} (North), {twin.pk} (Branch)" in message


@pytest.mark.parametrize("word", ["03/02/2026", "2026-13-01", "yesterday", "2999-01-01", "1969-12-31"])
def test_a_date_that_cannot_be_is_named(admin, badge, ada, word):
    code, message = problem(f"u-ada,b-azure,{word}", actor=admin)
    assert (code, f"“{word}”" in message) == ("issued_at", True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("u-ada,b-azure,,ftp://example.org", "evidence"),
        (f"u-ada,b-azure,,,,{'x' * 1001}", "note"),
        ("u-ada,b-azure,,,,\ufffd", "not_text"),
    ],
)
def test_evidence_notes_and_signs_that_cannot_be_kept_are_refused(admin, badge, ada, text, code):
    assert problem(text, actor=admin)[0] == code


def test_the_second_row_of_a_pair_names_the_first(admin, badge, ada):
    lines = checked("email,badge\nu-ada,b-azure\nada@example.org,Azure Fundamentals\n", actor=admin).lines
    assert [(line.number, line.code) for line in lines] == [(2, ""), (3, "duplicate")]
    assert lines[1].message == "Row 2 names the same learner and badge."


def test_what_issuing_would_refuse_is_foreseen(admin, badge, ada):
    IssuedBadgeFactory(badge=badge, learner=ada, status=Status.ISSUED)
    BadgeFactory(organization=badge.organization, external_id="b-off", is_active=False)
    assert problem("u-ada,b-azure", actor=admin)[0] == "already_issued"
    assert problem("u-ada,b-off", actor=admin)[0] == "inactive_badge"


def test_a_row_that_cannot_be_read_stops_no_other(admin, badge, ada):
    found = checked("email,badge\nonly one cell\nu-ada,b-azure\n", actor=admin)
    assert [line.code for line in found.lines] == ["unreadable", ""]
    assert len(found.ready) == len(found.problems) == 1


# --- The whole list -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("who,badge\nx,y\n", "no_learner_column"),
        ("email,what\nx,y\n", "no_badge_column"),
        ("email,badge\n", "no_rows"),
        ("email,badge\n" + "x,y\n" * (MOST_ROWS + 1), "too_many_rows"),
    ],
)
def test_a_list_that_lacks_what_every_row_needs_is_refused_as_a_whole(admin, text, code):
    with pytest.raises(DomainError) as refusal:
        checked(text, actor=admin)
    assert refusal.value.code == code


def test_checking_asks_as_much_for_many_as_for_few(admin, badge):
    counts = []
    assert admin.active_roles
    for number in (3, 60):
        people = UserFactory.create_batch(number, organization=badge.organization)
        for person in people[::3]:
            IssuedBadgeFactory(badge=badge, learner=person, status=Status.ISSUED)
        lines = [f"{person.email},{badge.name}\n" for person in people]
        text = "email,badge\n" + "".join([*lines, "nobody@x.org,Nothing\n"])
        with CaptureQueriesContext(connection) as asked:
            found = checked(text, actor=admin)
        assert len(found.ready) == number - len(people[::3])
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 6
