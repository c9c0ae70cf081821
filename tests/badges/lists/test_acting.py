"""A list is kept with its maker's choices, confirmed once, and told row by row afterwards."""

from __future__ import annotations

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from badges.lists.acting import (
    change,
    checked,
    fingerprint,
    issue_list,
    keep,
    lists_of,
    result_file,
)
from badges.models import ActOutcome, IssuedBadge, IssuingAct, IssuingList
from badges.status import Status
from badges.undoing import undo
from tests.factories import PAST, AdministratorFactory, BadgeFactory, OrganizationFactory, UserFactory
from tms.errors import DomainError

pytestmark = pytest.mark.django_db


@pytest.fixture
def badge():
    return BadgeFactory(name="Azure")


@pytest.fixture
def admin(badge):
    return AdministratorFactory(organization=badge.organization)


@pytest.fixture
def ada(badge):
    return UserFactory(organization=badge.organization, email="ada@example.org")


def table(kept) -> list[list[str]]:
    text = "".join(result_file(kept)).removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text)))


def test_good_rows_become_one_act_and_bad_ones_are_kept_with_their_reason(badge, admin, ada):
    kept = keep(
        "email,badge,note\nnobody@x.org,Azure,\nada@example.org,Azure,Own\n",
        actor=admin,
        file_name="winners.csv",
        note="Hackathon",
    )
    act = issue_list(kept, actor=admin, seen=fingerprint(kept))
    row = IssuedBadge.objects.get()
    assert (act.source_kind, act.source_key, act.file_name, act.reason) == (
        "list",
        str(kept.pk),
        "winners.csv",
        "Hackathon",
    )
    assert (row.learner, row.reason, row.source_kind, row.issued_by) == (ada, "Own", "list", admin)
    assert ActOutcome.objects.get().position == 3
    kept.refresh_from_db()
    assert (kept.act, [refusal[:2] for refusal in kept.refusals]) == (act, [[2, "unknown_learner"]])


def test_confirming_twice_is_confirming_once(badge, admin, ada):
    kept = keep("ada@example.org\n", actor=admin, badge=badge)
    first = issue_list(kept, actor=admin, seen=fingerprint(kept))
    assert issue_list(kept, actor=admin, seen=fingerprint(kept)) == first
    assert (IssuingAct.objects.count(), IssuedBadge.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"mapping": {"learner": "learner", "badge": "badge"}},
        {"badge": None},
        {"issued_at": "2026-03-02"},
        {"note": "Won"},
    ],
    ids=["mapping", "badge", "issued_at", "note"],
)
def test_what_was_changed_since_it_was_looked_at_is_not_confirmed(badge, admin, ada, changed):
    kept = keep("learner,badge,note\nada@example.org,Azure,Won\n", actor=admin, badge=badge)
    seen = fingerprint(kept)
    same = {"mapping": kept.mapping, "badge": badge, "issued_at": "", "note": ""}
    change(kept, **{**same, **changed})
    with pytest.raises(DomainError) as refusal:
        issue_list(kept, actor=admin, seen=seen)
    assert refusal.value.code == "changed"
    assert not IssuingAct.objects.exists()
    change(kept, **same)
    issue_list(kept, actor=admin, seen=seen)
    assert issue_list(kept, actor=admin, seen="") == IssuingAct.objects.get()


def test_a_list_of_which_nothing_can_be_issued_is_no_act(badge, admin):
    kept = keep("nobody@x.org\n", actor=admin, badge=badge)
    with pytest.raises(DomainError) as refusal:
        issue_list(kept, actor=admin, seen=fingerprint(kept))
    assert refusal.value.code == "nothing_ready"
    assert not IssuingAct.objects.exists()


def test_the_choice_of_columns_can_be_corrected_until_it_is_confirmed(badge, admin, ada):
    kept = keep("ada@example.org,Azure\n", actor=admin)
    with pytest.raises(DomainError):
        checked(kept, actor=admin)
    chosen = {"learner": "column 1", "badge": "column 2", "note": "gone"}
    change(kept, mapping=chosen, badge=None, issued_at="2026-03-02", note="Well done")
    assert kept.mapping == {"learner": "column 1", "badge": "column 2"}
    (line,) = checked(kept, actor=admin).ready
    assert (line.pair.issued_at.date().isoformat(), line.pair.reason) == ("2026-03-02", "Well done")
    issue_list(kept, actor=admin, seen=fingerprint(kept))
    change(kept, mapping={}, badge=None, issued_at="", note="")
    assert kept.mapping == {"learner": "column 1", "badge": "column 2"}


def test_nothing_of_it_is_kept_when_nothing_can_be_read(admin):
    for text in ("", "email,badge\n"):
        with pytest.raises(DomainError):
            keep(text, actor=admin)
    assert not IssuingList.objects.exists()


def test_what_somebody_prepares_is_theirs_and_what_was_issued_the_organizations(badge, admin, ada):
    kept = keep("ada@example.org\n", actor=admin, badge=badge)
    colleague = AdministratorFactory(organization=badge.organization)
    strangers = (
        AdministratorFactory(),
        AdministratorFactory(organization=OrganizationFactory(parent=badge.organization)),
    )
    assert [list(lists_of(person)) for person in (admin, colleague)] == [[kept], []]
    issue_list(kept, actor=admin, seen=fingerprint(kept))
    assert [list(lists_of(person)) for person in (admin, colleague)] == [[kept], [kept]]
    assert [list(lists_of(person)) for person in strangers] == [[], []]


def test_the_result_file_tells_of_every_row_and_no_cell_is_a_formula(badge, admin, ada):
    bob = UserFactory(organization=badge.organization, email="bob@example.org")
    text = "email,badge,note\nada@example.org,Azure,=1+1\n+nobody@x.org,Azure,\nonly one\nbob@example.org,Azure,\n"
    kept = keep(text, actor=admin)
    issue_list(kept, actor=admin, seen=fingerprint(kept))
    IssuedBadge.objects.filter(learner=ada).update(
        status=Status.ISSUED, issued_at=PAST, external_url="https://example.org/b"
    )
    IssuedBadge.objects.filter(learner=bob).update(status=Status.FAILED, provider_message="No such template")
    kept.refresh_from_db()
    head, *rows = table(kept)
    assert head[:6] == ["row", "Learner", "Badge", "Note", "outcome", "message"]
    assert [row[0] for row in rows] == ["2", "3", "4", "5"]
    assert rows[0][1:] == [
        *("ada@example.org", "Azure", "'=1+1", "Issued", "", "2026-03-02T09:00:00+00:00"),
        *("https://example.org/b", str(IssuedBadge.objects.get(learner=ada).pk)),
    ]
    assert rows[1][1] == "'+nobody@x.org"
    assert rows[1][4] == "Not issued"
    assert "is nobody you can issue to" in rows[1][5]
    assert "1 cell is found" in rows[2][5]
    assert rows[3][4:6] == ["Not issued", "No such template"]
    undo(kept.act, reason="By mistake", actor=admin)
    assert [row[4] for row in table(kept)[1:]] == [
        "Being taken back",
        "Not issued",
        "Not issued",
        "Cancelled",
    ]


def test_confirming_asks_as_much_for_many_as_for_few(badge, admin):
    counts = []
    assert admin.active_roles
    for number in (2, 50):
        people = UserFactory.create_batch(number, organization=badge.organization)
        text = "\n".join(person.email for person in people) + "\nnobody@x.org\n"
        kept = keep(text, actor=admin, badge=badge)
        with CaptureQueriesContext(connection) as asked:
            issue_list(kept, actor=admin, seen=fingerprint(kept))
        kept.refresh_from_db()
        with CaptureQueriesContext(connection) as told:
            assert len(table(kept)) == number + 2
        counts.append((len(asked), len(told)))
    assert counts[0] == counts[1]
