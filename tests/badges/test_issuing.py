"""Recording the intent to issue: by hand for people, set-based for achievements."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from badges import events
from badges.issuing import Outcome, issue, issue_earned
from badges.models import IssuedBadge
from badges.status import Status
from tests.factories import (
    PAST,
    AdministratorFactory,
    BadgeFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.errors import NotFound
from tms.models import User
from tms.sql import Sql, join, sql, value

S = Status
pytestmark = pytest.mark.django_db


@pytest.fixture
def badge():
    return BadgeFactory()


def by_hand(badge, learners, *, actor=None, **given) -> list[Outcome]:
    return issue(badge, learners, actor=actor, source=IssuedBadge.Source.ROSTER, **given)


def refusal(badge, learner, *, actor=None) -> tuple[str, str]:
    (outcome,) = by_hand(badge, [learner], actor=actor)
    assert not outcome.accepted
    return outcome.code, outcome.message


# --- Accepted -----------------------------------------------------------------------------------------------


def test_issuing_by_hand_records_who_what_why_and_for_which_address(badge, admin, ada):
    earned_at = PAST - timedelta(days=3)
    (outcome,) = by_hand(
        badge, [ada], actor=admin, source_key="class-7", reason="Hackathon", issued_at=earned_at
    )
    assert (outcome.code, outcome.message) == ("queued", "On its way to ada@example.org.")
    row = IssuedBadge.objects.get()
    assert outcome.issued_badge == row
    assert (row.badge, row.learner, row.status) == (badge, ada, S.QUEUED)
    assert (row.source_kind, row.source_key, row.reason) == (
        IssuedBadge.Source.ROSTER,
        "class-7",
        "Hackathon",
    )
    assert (row.issued_by, row.recipient_email) == (admin, "ada@example.org")
    assert (row.earned_at, row.issued_at) == (earned_at, None)
    assert row.priority == IssuedBadge.Priority.MANUAL
    assert not row.suppress_notification
    assert row.due_at <= timezone.now()


def test_issued_at_is_now_unless_a_moment_is_chosen(badge, ada):
    before = timezone.now()
    by_hand(badge, [ada])
    assert before <= IssuedBadge.objects.get().earned_at <= timezone.now()


def test_a_paused_account_does_not_stand_in_the_way(badge, ada):
    badge.badge_provider.paused_at = timezone.now()
    badge.badge_provider.save()
    (outcome,) = by_hand(badge, [ada])
    assert outcome.accepted


def test_participation_is_not_needed_for_a_badge_by_hand(badge):
    learner = UserFactory(organization=badge.organization, participate_in_achievements=False)
    assert by_hand(badge, [learner])[0].accepted


# --- Refused ------------------------------------------------------------------------------------------------


def test_who_has_it_already_is_refused_with_who_and_when(badge, admin, ada):
    IssuedBadgeFactory(badge=badge, learner=ada, status=S.ACCEPTED, issued_by=admin, issued_at=PAST)
    assert refusal(badge, ada) == (
        "already_issued",
        "This learner already has this badge: issued on March 2, 2026, 9 a.m. by Grace Hopper.",
    )


@pytest.mark.parametrize(
    ("source", "who"),
    [(IssuedBadge.Source.ACHIEVEMENT, "an achievement"), (IssuedBadge.Source.COMMAND, "the system")],
)
def test_who_has_it_from_nobody_in_person_is_told_what_issued_it(badge, ada, source, who):
    IssuedBadgeFactory(badge=badge, learner=ada, status=S.ISSUED, issued_at=PAST, source_kind=source)
    assert refusal(badge, ada)[1].endswith(f" by {who}.")


@pytest.mark.parametrize("status", [S.QUEUED, S.HELD, S.SENDING, S.UNKNOWN])
def test_what_is_on_its_way_is_refused_with_its_state(badge, admin, ada, status):
    IssuedBadgeFactory(badge=badge, learner=ada, status=status, issued_by=admin, attempts=2)
    code, message = refusal(badge, ada)
    assert code == "already_issued"
    assert message.startswith("This badge is already on its way (")
    assert str(IssuedBadge.objects.get().issued_status) in message
    assert message.endswith(" by Grace Hopper.")


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (
            {"enable_manual_issuance": False},
            "not_manual",
            "This badge is not set up to be issued by hand.",
        ),
        ({"is_active": False}, "inactive_badge", "This badge is not active."),
        (
            {"badge_provider__is_enabled": False},
            "not_available",
            "The badge provider of this badge is disabled.",
        ),
    ],
)
def test_a_badge_that_cannot_be_issued_is_refused_for_everybody(given, code, message):
    badge = BadgeFactory(**given)
    learners = UserFactory.create_batch(2, organization=badge.organization)
    assert [(o.code, o.message) for o in by_hand(badge, learners)] == [(code, message)] * 2
    assert not IssuedBadge.objects.exists()


@pytest.mark.parametrize("email", ["", "ada", "ada@", "ada@example", "a b@example.org"])
def test_an_address_that_no_provider_takes_is_refused(badge, email):
    learner = UserFactory(organization=badge.organization, email=email)
    code, message = refusal(badge, learner)
    assert code == "invalid_email"
    assert message == f"The e-mail address {email or '–'} must follow valid e-mail guidelines."


@pytest.mark.parametrize("names", [("", "Lovelace"), ("Ada", ""), ("  ", "Lovelace")])
def test_a_learner_without_both_names_is_refused(badge, names):
    learner = UserFactory(organization=badge.organization, first_name=names[0], last_name=names[1])
    assert refusal(badge, learner) == ("no_name", "The provider needs a first and a last name.")


def test_a_learner_out_of_reach_is_refused_and_the_others_are_not(badge, admin, ada):
    child = OrganizationFactory(parent=badge.organization)
    below, stranger = UserFactory(organization=child), UserFactory()
    outcomes = by_hand(badge, [stranger, ada, below], actor=admin)
    assert [outcome.code for outcome in outcomes] == ["not_permitted", "queued", "queued"]
    assert outcomes[0].message == "You cannot issue badges to this learner."


def test_a_badge_out_of_reach_is_not_found(badge, ada):
    elsewhere = AdministratorFactory()
    with pytest.raises(NotFound):
        by_hand(badge, [ada], actor=elsewhere)
    with pytest.raises(NotFound):
        by_hand(badge, [ada], actor=ada)


def test_a_batch_tells_what_became_of_each_in_its_order(badge, ada):
    has_it = UserFactory(organization=badge.organization)
    held = IssuedBadgeFactory(badge=badge, learner=has_it, status=S.ISSUED)
    nameless = UserFactory(organization=badge.organization, first_name="")
    outcomes = by_hand(badge, [nameless, has_it, ada, ada])
    assert [(outcome.learner, outcome.code) for outcome in outcomes] == [
        (nameless, "no_name"),
        (has_it, "already_issued"),
        (ada, "queued"),
    ]
    assert [outcome.issued_badge for outcome in outcomes[:2]] == [None, held]
    assert ada.issued_badges.count() == 1


# --- Once ---------------------------------------------------------------------------------------------------


def test_the_same_act_twice_makes_one_row(badge, ada):
    assert [by_hand(badge, [ada])[0].code for _time in range(2)] == ["queued", "already_issued"]
    assert IssuedBadge.objects.count() == 1


def test_what_has_ended_can_be_issued_anew_by_hand(badge, ada):
    for status in (S.REVOKED, S.CANCELLED, S.EXPIRED, S.SUPERSEDED, S.REMOVED):
        IssuedBadgeFactory(badge=badge, learner=ada, status=status)
    (outcome,) = by_hand(badge, [ada])
    assert outcome.accepted
    assert outcome.issued_badge == IssuedBadge.objects.get(status=S.QUEUED)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_acts_at_the_same_time_make_one_row_for_each_learner(badge):
    learners = UserFactory.create_batch(20, organization=badge.organization)
    codes: list[list[str]] = []
    start = threading.Barrier(4)

    def work(order):
        start.wait()
        try:
            codes.append([outcome.code for outcome in by_hand(badge, learners[::order])][::order])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(order,)) for order in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert IssuedBadge.objects.count() == len(learners)
    assert [sorted(of_one) for of_one in zip(*codes, strict=True)] == [
        ["already_issued"] * 3 + ["queued"]
    ] * len(learners)


def test_a_class_of_five_hundred_takes_as_many_statements_as_one_learner(
    badge, admin, ada, django_assert_max_num_queries
):
    learners = User.objects.bulk_create(UserFactory.build_batch(500, organization=badge.organization))
    with django_assert_max_num_queries(15):
        by_hand(badge, [ada], actor=User.objects.get(pk=admin.pk))
    with django_assert_max_num_queries(15):
        outcomes = by_hand(badge, learners, actor=User.objects.get(pk=admin.pk))
    assert {outcome.code for outcome in outcomes} == {"queued"}
    IssuedBadge.objects.update(status=S.FAILED, failure_code="rejected")
    with django_assert_max_num_queries(21):
        outcomes = by_hand(badge, learners, actor=User.objects.get(pk=admin.pk))
    assert {outcome.code for outcome in outcomes} == {"queued"}
    assert IssuedBadge.objects.filter(status=S.QUEUED).count() == 501 - 1


# --- Set-based ----------------------------------------------------------------------------------------------


def earned(*rows, renews=False) -> Sql:
    """badge, learner, when, key: as an evaluation selects them."""
    selects = [
        sql(
            "SELECT {} AS badge_id, {} AS learner_id, {} AS earned_at, {} AS source_key, {} AS renews,"
            " CAST(NULL AS BIGINT) AS reserved",
            value(badge.pk),
            value(learner.pk),
            value(moment),
            value(key),
            value(renews),
        )
        for badge, learner, moment, key in rows
    ]
    return join(" UNION ALL ", selects)


def test_earned_badges_are_recorded_for_many_in_one_statement(badge, django_assert_num_queries):
    learners = UserFactory.create_batch(3, organization=badge.organization)
    select = earned(*((badge, learner, PAST, str(learner.pk)) for learner in learners))
    now = timezone.now()
    with django_assert_num_queries(1):
        assert len(issue_earned(select, now=now)) == 3
    for row in IssuedBadge.objects.all():
        assert (row.status, row.priority) == (S.QUEUED, IssuedBadge.Priority.LIVE)
        assert (row.source_kind, row.source_key) == (IssuedBadge.Source.ACHIEVEMENT, str(row.learner_id))
        assert (row.earned_at, row.created_at, row.due_at) == (PAST, now, now)
        assert (row.recipient_email, row.issued_by) == (row.learner.email, None)
        assert not row.suppress_notification
    assert len(issue_earned(select, now=now)) == 0


@pytest.mark.parametrize("status", sorted(S))
def test_whoever_ever_had_the_badge_is_not_issued_it_again_by_itself(badge, ada, status):
    IssuedBadgeFactory(badge=badge, learner=ada, status=status)
    assert len(issue_earned(earned((badge, ada, PAST, "1")), now=timezone.now())) == 0
    assert IssuedBadge.objects.count() == 1


def test_one_whose_cause_was_taken_back_is_no_badge_that_was_had(badge, ada):
    IssuedBadgeFactory(badge=badge, learner=ada, status=S.CANCELLED, was_undone=True)
    assert len(issue_earned(earned((badge, ada, PAST, "1")), now=timezone.now())) == 1


@pytest.mark.parametrize("status", sorted(S))
@pytest.mark.parametrize(("days", "is_later"), [(1, True), (0, False)])
def test_what_renews_a_badge_issues_it_again_after_it_has_expired(badge, ada, status, days, is_later):
    past = IssuedBadgeFactory(badge=badge, learner=ada, status=status, expires_at=PAST)
    select = earned((badge, ada, PAST + timedelta(days=days), "1"), renews=True)
    renewed = status in {S.EXPIRED, S.SUPERSEDED} and is_later
    assert len(issue_earned(select, now=timezone.now())) == int(renewed)
    assert len(issue_earned(select, now=timezone.now())) == 0
    if renewed:
        row = IssuedBadge.objects.get(status=S.QUEUED)
        assert row.replaces == (past if status == S.EXPIRED else None)


@pytest.mark.parametrize("silent", [False, True])
def test_a_backfill_comes_last_and_asks_for_no_mail_where_it_is_silent(badge, ada, silent):
    issue_earned(earned((badge, ada, PAST, "1")), now=timezone.now(), backfill=True, silent=silent)
    row = IssuedBadge.objects.get()
    assert (row.priority, row.suppress_notification) == (IssuedBadge.Priority.BACKFILL, silent)
    assert IssuedBadge.Priority.MANUAL < IssuedBadge.Priority.LIVE < IssuedBadge.Priority.BACKFILL


def test_an_earned_badge_is_recorded_whatever_the_address_looks_like(badge):
    learner = UserFactory(organization=badge.organization, email="not-an-address", first_name="")
    assert len(issue_earned(earned((badge, learner, PAST, "1")), now=timezone.now())) == 1


def test_rolling_back_takes_the_intent_and_its_announcement_along(
    badge, ada, django_capture_on_commit_callbacks
):
    heard = []

    def listener(issued_badge, **_more):
        heard.append(issued_badge)

    events.badge_awarded.connect(listener)
    try:
        with (
            django_capture_on_commit_callbacks(execute=True),
            pytest.raises(ZeroDivisionError),
            transaction.atomic(),
        ):
            by_hand(badge, [ada])
            raise ZeroDivisionError
    finally:
        events.badge_awarded.disconnect(listener)
    assert heard == []
    assert not IssuedBadge.objects.exists()
