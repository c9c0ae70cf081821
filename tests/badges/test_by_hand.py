"""Acts by hand: many badges for many learners at once, kept with what became of each pair."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from badges.by_hand import MOST_PAIRS, issue_by_hand
from badges.issuing import Pair, foresee
from badges.models import ActOutcome, Badge, IssuedBadge, IssuingAct
from badges.refusals import Among
from badges.results import State, results_of, tally
from badges.status import Status
from providers.base import Evidence
from tests.factories import (
    PAST,
    AdministratorFactory,
    BadgeFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tms.errors import Conflict, DomainError, NotFound
from tms.models import User

S = Status
LATELY = PAST + timedelta(days=3)
pytestmark = pytest.mark.django_db


@pytest.fixture
def badge():
    return BadgeFactory(name="Azure")


def act(badges, learners, *, actor=None, token=None, **given) -> IssuingAct:
    given.setdefault("source", IssuedBadge.Source.ROSTER)
    return issue_by_hand(badges, learners, actor=actor, token=token or uuid4(), **given)


def outcomes(done: IssuingAct) -> list[tuple[str, str, str]]:
    rows = ActOutcome.objects.filter(act=done).order_by("position")
    return [(row.badge.name, row.learner.email, row.code) for row in rows]


# --- What is kept -------------------------------------------------------------------------------------------


def test_an_act_keeps_what_was_asked_for_and_hands_it_to_every_pair(badge, admin, ada):
    done = act(
        [badge],
        [ada],
        actor=admin,
        source_key="7",
        reason="Hackathon",
        issued_at=PAST,
        expires_at=timezone.now() + timedelta(days=9),
        evidence=[Evidence(name="Talk", url="https://example.org/talk")],
    )
    row = IssuedBadge.objects.get()
    assert (done.actor, done.organization, done.source_kind, done.source_key) == (
        admin,
        badge.organization,
        "roster",
        "7",
    )
    assert (row.source_kind, row.source_key, row.issued_by) == ("roster", "7", admin)
    assert (row.reason, row.earned_at) == (done.reason, done.issued_at) == ("Hackathon", PAST)
    assert row.expires_at == done.expires_at is not None
    assert row.evidence == done.evidence
    assert done.evidence == [{"name": "Talk", "description": "", "url": "https://example.org/talk"}]


def test_every_pair_is_accepted_or_refused_alone_badge_by_badge(badge, admin, ada):
    other = BadgeFactory(organization=badge.organization, name="Security", is_active=False)
    bob = UserFactory(organization=badge.organization, email="bob")
    done = act([badge, other], [bob, ada], actor=admin)
    assert outcomes(done) == [
        ("Azure", "bob", "invalid_email"),
        ("Azure", "ada@example.org", "queued"),
        ("Security", "bob", "inactive_badge"),
        ("Security", "ada@example.org", "inactive_badge"),
    ]
    assert [row.learner for row in IssuedBadge.objects.all()] == [ada]


def test_who_is_named_twice_is_asked_for_once(badge, admin, ada):
    done = act([badge, badge], [ada, ada], actor=admin)
    assert outcomes(done) == [("Azure", "ada@example.org", "queued")]


def test_an_act_over_badges_of_several_organizations_is_of_that_of_its_actor(badge, admin, ada):
    child = OrganizationFactory(parent=badge.organization)
    done = act([badge, BadgeFactory(organization=child)], [ada], actor=admin)
    assert done.organization == admin.organization
    assert act([BadgeFactory(organization=child)], [ada], actor=admin).organization == child


def test_nothing_chosen_is_no_act(badge, admin, ada):
    for badges, learners in (([], [ada]), ([badge], [])):
        with pytest.raises(DomainError) as refusal:
            act(badges, learners, actor=admin)
        assert refusal.value.code == "nothing_chosen"
    assert not IssuingAct.objects.exists()


def test_more_than_a_machine_should_do_at_once_is_refused_with_both_numbers(badge, admin, ada):
    with pytest.raises(DomainError) as refusal:
        act([badge] * (MOST_PAIRS + 1), [ada], actor=admin)
    assert (refusal.value.code, str(MOST_PAIRS) in refusal.value.message) == ("too_many", True)


def test_what_is_wrong_for_all_leaves_nothing_behind(badge, admin, ada):
    with pytest.raises(DomainError):
        act([badge], [ada], actor=admin, evidence=[Evidence(name="", url="")])
    assert not IssuingAct.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"reason": "x" * 2_001}, "reason"),
        ({"reason": "\0"}, "reason"),
        ({"evidence": [Evidence(name="Talk\0")]}, "evidence"),
    ],
)
def test_a_text_that_no_database_keeps_or_nobody_means_is_refused_by_its_field(
    badge, admin, ada, given, field
):
    with pytest.raises(DomainError) as refusal:
        act([badge], [ada], actor=admin, **given)
    assert list(refusal.value.fields) == [field]
    assert not IssuingAct.objects.exists()


def test_a_line_break_of_a_browser_is_one_character_of_a_note(badge, admin, ada):
    assert act([badge], [ada], actor=admin, reason="\r\n" * 2_000)


# --- Asked twice --------------------------------------------------------------------------------------------


def test_the_same_token_is_the_same_act(badge, admin, ada):
    token = uuid4()
    first = act([badge], [ada], actor=admin, token=token)
    second = act([badge], [ada], actor=admin, token=token)
    assert first == second
    assert outcomes(second) == [("Azure", "ada@example.org", "queued")]
    assert IssuedBadge.objects.count() == 1


def test_the_token_of_another_persons_act_is_not_found(badge, admin, ada):
    token = uuid4()
    act([badge], [ada], actor=admin, token=token)
    other = AdministratorFactory(organization=badge.organization)
    with pytest.raises(NotFound):
        act([badge], [ada], actor=other, token=token)
    assert IssuingAct.objects.count() == 1


def test_a_page_that_was_changed_after_it_was_sent_does_not_pass_for_done(badge, admin, ada):
    token = uuid4()
    first = act([badge], [ada], actor=admin, token=token)
    with pytest.raises(Conflict) as conflict:
        act([badge], [ada, UserFactory(organization=badge.organization)], actor=admin, token=token)
    assert (conflict.value.code, conflict.value.data) == ("other_act", {"act": first.pk})
    assert IssuedBadge.objects.count() == 1


def test_the_second_person_is_told_who_issued_it_and_when(badge, admin, ada):
    act([badge], [ada], actor=admin)
    IssuedBadge.objects.update(status=S.ISSUED, issued_at=PAST)
    other = AdministratorFactory(organization=badge.organization)
    (result,) = results_of(act([badge], [ada], actor=other)).failures
    assert result.outcome.code == "already_issued"
    assert "issued on March 2, 2026, 9 a.m. by Grace Hopper" in result.sentence
    assert result.issued_badge == IssuedBadge.objects.get()


def test_a_failed_badge_is_tried_again_with_what_is_given_now(badge, admin, ada):
    failed = IssuedBadgeFactory(
        badge=badge,
        learner=ada,
        status=S.FAILED,
        failure_code="rejected",
        attempts=3,
        recipient_email="old@example.org",
        priority=IssuedBadge.Priority.LIVE,
    )
    done = act([badge], [ada], actor=admin, evidence=[Evidence(name="Talk")], reason="Once more")
    row = IssuedBadge.objects.get()
    assert outcomes(done) == [("Azure", "ada@example.org", "queued")]
    assert (row.pk, row.status, row.attempts, row.failure_code) == (failed.pk, S.QUEUED, 0, "")
    assert (row.recipient_email, row.priority) == ("ada@example.org", IssuedBadge.Priority.MANUAL)
    assert row.evidence == [{"name": "Talk", "description": "", "url": ""}]
    assert row.events.get().reason == "Once more"


def test_a_badge_that_is_tried_again_is_whose_it_is_now(badge, admin, ada):
    old = UserFactory()
    IssuedBadgeFactory(badge=badge, learner=ada, status=S.FAILED, issued_by=old, reason="Old", source_key="1")
    act([badge], [ada], actor=admin, source_key="7", reason="Hackathon", issued_at=LATELY)
    row = IssuedBadge.objects.get()
    assert (row.issued_by, row.reason, row.source_kind, row.source_key) == (admin, "Hackathon", "roster", "7")
    assert row.earned_at == LATELY
    IssuedBadge.objects.update(status=S.FAILED)
    act([badge], [ada], actor=None)
    again = IssuedBadge.objects.get()
    assert (again.issued_by, again.reason, again.source_key) == (None, "", "")
    assert again.earned_at == LATELY


def test_a_badge_that_was_earned_stays_that_achievements_when_it_is_tried_again(badge, admin, ada):
    IssuedBadgeFactory(
        badge=badge,
        learner=ada,
        status=S.FAILED,
        source_kind=IssuedBadge.Source.ACHIEVEMENT,
        source_key="42",
        earned_at=PAST,
    )
    act([badge], [ada], actor=admin, reason="Hackathon", issued_at=LATELY)
    row = IssuedBadge.objects.get()
    assert (row.source_kind, row.source_key, row.earned_at) == ("achievement", "42", PAST)
    assert (row.issued_by, row.reason) == (admin, "Hackathon")


# --- The rule of a place ------------------------------------------------------------------------------------


def test_where_a_place_has_a_rule_of_its_own_that_decides(badge, ada):
    instructor = UserFactory(organization=badge.organization)
    stranger, foreign = UserFactory(), BadgeFactory(name="Foreign")
    place = Among(
        badges=Badge.objects.filter(pk=badge.pk),
        learners=User.objects.filter(pk=ada.pk),
        code="not_enrolled",
        message="Not in this class.",
    )
    done = act([badge, foreign], [ada, stranger], actor=instructor, among=place)
    assert outcomes(done) == [
        ("Azure", ada.email, "queued"),
        ("Azure", stranger.email, "not_enrolled"),
        ("Foreign", ada.email, "not_permitted"),
        ("Foreign", stranger.email, "not_enrolled"),
    ]
    messages = set(ActOutcome.objects.exclude(code="queued").values_list("message", flat=True))
    assert messages == {"Not in this class.", "You cannot issue this badge here."}


def test_without_such_a_rule_the_table_of_access_decides(badge, ada):
    foreign = BadgeFactory(name="Foreign")
    instructor = UserFactory(organization=badge.organization)
    assert outcomes(act([badge], [ada], actor=instructor)) == [("Azure", ada.email, "not_permitted")]
    admin = AdministratorFactory(organization=badge.organization)
    assert outcomes(act([badge, foreign], [ada, UserFactory(email="x@example.org")], actor=admin)) == [
        ("Azure", ada.email, "queued"),
        ("Azure", "x@example.org", "not_permitted"),
        ("Foreign", ada.email, "not_permitted"),
        ("Foreign", "x@example.org", "not_permitted"),
    ]


# --- What has become of it ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"status": S.QUEUED}, State.UNDER_WAY, ""),
        ({"status": S.UNKNOWN, "provider_message": "Is taken"}, State.UNDER_WAY, ""),
        ({"status": S.ISSUED, "issued_at": PAST}, State.ISSUED, ""),
        ({"status": S.EXPIRED, "issued_at": PAST}, State.ISSUED, ""),
        ({"status": S.EXPIRED}, State.FAILED, "It would have expired before it was sent."),
        ({"status": S.REVOKING}, State.REVOKING, ""),
        ({"status": S.REVOKED}, State.REVOKED, ""),
        ({"status": S.CANCELLED}, State.CANCELLED, ""),
        (
            {"status": S.FAILED, "failure_message": "Ours", "provider_message": "Theirs"},
            State.FAILED,
            "Theirs",
        ),
        ({"status": S.FAILED, "failure_message": "Ours"}, State.FAILED, "Ours"),
        ({"status": S.ISSUED, "already_there": "Is taken"}, State.ISSUED, "Is taken"),
    ],
)
def test_a_pair_is_told_as_it_is_now(badge, admin, ada, changes, state, words):
    done = act([badge], [ada], actor=admin)
    IssuedBadge.objects.update(**changes)
    results = results_of(done)
    (result,) = results.all
    assert (result.state, result.words) == (state, words)
    assert results.failures == ([result] if words else [])
    assert results.issued == ([result] if state == State.ISSUED else [])
    assert results.is_settled == (state != State.UNDER_WAY)
    counted = tally(done)
    assert {name for name in State.values if getattr(counted, name)} == {state.value}
    assert results.is_moving == counted.is_moving == (state in {State.UNDER_WAY, State.REVOKING})
    assert len(results.taken_back) == counted.taken_back
    assert (counted.total, counted.failures) == (1, int(bool(words)))
    assert counted.percent == (100 if results.is_settled else 0)


def test_a_failure_names_badge_student_and_the_error_in_one_sentence(badge, admin, ada):
    done = act([badge], [ada], actor=admin)
    words = "Validation failed: Issuer earner already has this badge"
    IssuedBadge.objects.update(status=S.FAILED, provider_message=words)
    (failure,) = results_of(done).failures
    assert (
        failure.sentence == f"Badge: Azure was not issued to {ada} because of this error: "
        "Validation failed: Issuer earner already has this badge"
    )


# --- Five hundred learners ----------------------------------------------------------------------------------


def class_of(number: int, *, badges: list[Badge]) -> list[User]:
    """A third has the first badge, a third has failed to get it."""
    learners = UserFactory.create_batch(number, organization=badges[0].organization)
    for place, learner in enumerate(learners):
        if place % 3:
            status = S.ISSUED if place % 3 == 1 else S.FAILED
            IssuedBadgeFactory(badge=badges[0], learner=learner, status=status)
    return learners


def test_the_number_of_queries_depends_neither_on_learners_nor_on_badges(admin, badge):
    counts, roles = [], admin.active_roles
    assert roles
    for number_of_badges, number in ((1, 6), (4, 60)):
        badges = BadgeFactory.create_batch(number_of_badges, organization=badge.organization)
        learners = class_of(number, badges=badges)
        with CaptureQueriesContext(connection) as asked:
            done = act(badges, learners, actor=admin)
        with CaptureQueriesContext(connection) as shown:
            results = results_of(done)
            assert [result.sentence for result in results.failures]
            assert [result.label for result in results.all]
        with CaptureQueriesContext(connection) as counted:
            assert tally(done).total == number_of_badges * number
        counts.append((len(asked), len(shown), len(counted)))
    assert counts[0] == counts[1] == (counts[0][0], 2, 1)
    assert counts[0][0] <= 20


# --- Before anything is asked for ---------------------------------------------------------------------------


def test_what_is_foreseen_is_what_is_refused_and_writes_nothing(badge, admin, ada):
    other = BadgeFactory(organization=badge.organization, enable_manual_issuance=False)
    has_it = IssuedBadgeFactory(badge=badge, status=S.ISSUED, issued_at=PAST).learner
    has_failed = IssuedBadgeFactory(badge=badge, status=S.FAILED).learner
    nameless = UserFactory(organization=badge.organization, first_name=" ")
    away = UserFactory(organization=badge.organization)
    learners = [ada, has_it, has_failed, nameless, away]
    among = Among(badges=Badge.objects.all(), learners=User.objects.exclude(pk=away.pk), code="not_enrolled")
    pairs = [Pair(badge=each, learner=learner) for each in (badge, other) for learner in learners]

    foreseen = foresee(pairs, actor=admin, among=among)

    assert not IssuedBadge.objects.filter(status=S.QUEUED).exists()
    done = act([badge, other], learners, actor=admin, among=among)
    refused = ActOutcome.objects.filter(act=done).exclude(code="queued")
    assert foreseen == {(row.badge_id, row.learner_id): (row.code, row.message) for row in refused}
    assert len(foreseen) == 8  # all but one badge for two learners
