"""When badges end by themselves, and what takes their place."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from badges.delivery import deliver
from badges.expiry import expire_due, expiry_of
from badges.issuing import issue
from badges.lookups import reconcile
from badges.models import IssuedBadge
from badges.status import Status
from badges.sweeping import sweep
from providers.base import OutcomeUnknown, ProviderBadge, Rejected, Standing
from providers.credly import Credly
from tests.badges.conftest import stored, timeline
from tests.factories import PAST, BadgeFactory, IssuedBadgeFactory, UserFactory
from tms.errors import DomainError
from tms.models import ProgressChange

S = Status
NOW = timezone.now().replace(minute=0, second=0, microsecond=0)
NEXT_YEAR = NOW + timedelta(days=365)
LATELY = NOW - timedelta(days=10)
pytestmark = pytest.mark.django_db


def at_the_provider(**given):
    return ProviderBadge(**{"external_id": "new", "state": "pending", "standing": Standing.PENDING, **given})


@pytest.fixture
def answers(monkeypatch):
    """Let verbs of the adapter give these answers, and keep what they were asked."""
    asked: list[tuple[object, ...]] = []

    def give(**by_verb):
        for verb, answer in by_verb.items():

            def act(adapter, *args, verb=verb, answer=answer, **named):
                asked.append((verb, *args))
                if isinstance(answer, Exception):
                    raise answer
                return answer

            monkeypatch.setattr(Credly, verb, act)
        return asked

    return give


# --- Which moment -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "earned", "days", "expires"),
    [
        ("UTC", "2026-03-02T09:00+00:00", 365, "2027-03-02T09:00+00:00"),
        # The clock stays, whatever happens to it meanwhile.
        ("Europe/Berlin", "2026-03-28T22:30+01:00", 2, "2026-03-30T22:30+02:00"),
        ("America/New_York", "2026-10-31T23:30-04:00", 1, "2026-11-01T23:30-05:00"),
        # The day is the organization's, not that of Greenwich.
        ("Pacific/Auckland", "2024-02-28T11:30+00:00", 1, "2024-02-29T11:30+00:00"),
    ],
)
def test_days_are_counted_on_the_organizations_calendar(zone, earned, days, expires):
    badge = BadgeFactory(organization__time_zone=zone, expires_after_days=days)
    row = IssuedBadgeFactory(badge=badge, earned_at=datetime.fromisoformat(earned))
    assert expiry_of(row) == datetime.fromisoformat(expires)


def test_the_choice_for_one_badge_comes_before_the_badges_own_days():
    badge = BadgeFactory(expires_after_days=30)
    chosen = IssuedBadgeFactory(badge=badge, expires_at=NEXT_YEAR)
    assert expiry_of(chosen) == NEXT_YEAR
    assert expiry_of(IssuedBadgeFactory(badge=BadgeFactory())) is None
    assert expiry_of(IssuedBadgeFactory(badge=BadgeFactory(expires_after_days=2**31 - 1))) is None


@pytest.mark.parametrize("how", ["by hand", "earned"])
def test_the_provider_is_told_when_it_ends_and_so_is_the_row(sandbox, badge, how):
    badge.organization.time_zone = "America/Chicago"
    badge.organization.save()
    badge.expires_after_days = 365
    badge.save()
    if how == "by hand":
        issue(badge, [UserFactory()], actor=None, source=IssuedBadge.Source.API, issued_at=LATELY)
    else:
        IssuedBadgeFactory(badge=badge, source_kind=IssuedBadge.Source.ACHIEVEMENT, earned_at=LATELY)
    deliver()
    row = IssuedBadge.objects.get()
    end = LATELY.astimezone(ZoneInfo("America/Chicago")) + timedelta(days=365)
    assert (row.status, row.expires_at) == (S.ISSUED, end)
    body = sandbox.received()["requests"][0]["body"]
    assert f'"expires_at": "{end:%Y-%m-%d %H:%M:%S %z}"' in body


def test_a_badge_without_an_end_is_told_none_and_takes_the_providers(badge, answers):
    row = IssuedBadgeFactory(badge=badge)
    asked = answers(issue=at_the_provider(expires_at=NEXT_YEAR))
    deliver()
    [(_verb, request)] = asked
    assert request.expires_at is None
    assert stored(row).expires_at == NEXT_YEAR


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (None, NEXT_YEAR),
        (NEXT_YEAR.replace(hour=0), NEXT_YEAR),  # a provider that knows dates alone
        (NEXT_YEAR - timedelta(days=30), NEXT_YEAR - timedelta(days=30)),  # one that knows better
    ],
)
def test_the_providers_word_about_the_end_counts(badge, answers, told, kept):
    row = IssuedBadgeFactory(badge=badge, expires_at=NEXT_YEAR)
    answers(issue=at_the_provider(expires_at=told))
    deliver()
    assert stored(row).expires_at == kept


def test_an_end_that_was_found_by_looking_is_kept_too(badge, answers, later):
    badge.expires_after_days = 365
    badge.save()
    row = IssuedBadgeFactory(badge=badge, earned_at=LATELY)
    answers(issue=OutcomeUnknown("?"), find=[at_the_provider()])
    deliver()
    with later(seconds=5):
        reconcile()
    assert (stored(row).status, stored(row).expires_at) == (S.ISSUED, LATELY + timedelta(days=365))


@pytest.mark.parametrize("moment", [PAST, NOW - timedelta(seconds=1)])
def test_an_end_by_hand_lies_in_the_future(moment):
    badge = BadgeFactory()
    with pytest.raises(DomainError) as refused:
        issue(badge, [UserFactory()], actor=None, source=IssuedBadge.Source.API, expires_at=moment)
    assert (refused.value.code, list(refused.value.fields)) == ("expires_at", ["expires_at"])
    with pytest.raises(DomainError):
        issue(
            badge,
            [UserFactory()],
            actor=None,
            source=IssuedBadge.Source.API,
            issued_at=NEXT_YEAR + timedelta(days=1),
            expires_at=NEXT_YEAR,
        )
    assert not IssuedBadge.objects.exists()


def test_a_provider_without_expiry_is_not_asked_for_one(monkeypatch):
    badge = BadgeFactory()
    monkeypatch.setattr(Credly, "abilities", frozenset())
    with pytest.raises(DomainError) as refused:
        issue(badge, [UserFactory()], actor=None, source=IssuedBadge.Source.API, expires_at=NEXT_YEAR)
    assert refused.value.message == "Credly knows no expiry of a single badge."


def test_a_failed_badge_that_is_issued_again_takes_the_new_end():
    badge = BadgeFactory()
    row = IssuedBadgeFactory(badge=badge, status=S.FAILED, failure_code="rejected")
    issue(badge, [row.learner], actor=None, source=IssuedBadge.Source.API, expires_at=NEXT_YEAR)
    assert (stored(row).status, stored(row).expires_at) == (S.QUEUED, NEXT_YEAR)


# --- The end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(S))
def test_what_is_past_its_time_ends_if_the_learner_has_it(status):
    row = IssuedBadgeFactory(status=status, expires_at=timezone.now() - timedelta(seconds=1))
    ends = status in {S.ISSUED, S.ACCEPTED}
    assert expire_due() == int(ends)
    assert stored(row).status == (S.EXPIRED if ends else status)
    assert timeline(row) == ([f"{status} → expired"] if ends else [])
    assert ProgressChange.objects.filter(learner=row.learner).exists() == ends


def test_what_has_time_left_stays(later):
    rows = [IssuedBadgeFactory(status=S.ISSUED, expires_at=end) for end in (NEXT_YEAR, None)]
    assert sweep()["expired"] == 0
    with later(seconds=366 * 24 * 3600):
        assert sweep()["expired"] == 1
    assert [stored(row).status for row in rows] == [S.EXPIRED, S.ISSUED]


def test_many_end_in_as_many_statements_as_few(django_assert_max_num_queries):
    badge = BadgeFactory()
    for _number in range(20):
        IssuedBadgeFactory(badge=badge, status=S.ISSUED, expires_at=PAST)
    with django_assert_max_num_queries(14):
        assert expire_due() == 20


def test_what_would_have_expired_before_it_is_sent_is_not_sent(sandbox, badge):
    badge.expires_after_days = 10
    badge.save()
    row = IssuedBadgeFactory(badge=badge, earned_at=PAST)
    deliver()
    after = stored(row)
    assert (after.status, after.expires_at) == (S.EXPIRED, PAST + timedelta(days=10))
    assert row.events.last().reason == "It would have expired before it was sent."
    assert sandbox.badges() == []
    assert ProgressChange.objects.filter(learner=row.learner).exists()


# --- In its place -------------------------------------------------------------------------------------------


@pytest.fixture
def expired(badge):
    return IssuedBadgeFactory(
        badge=badge,
        status=S.EXPIRED,
        external_uuid="old",
        expires_at=PAST,
        external_url="https://x.example/old",
    )


def again(expired, **given) -> IssuedBadge:
    [outcome] = issue(
        expired.badge,
        [expired.learner],
        actor=None,
        source=IssuedBadge.Source.API,
        **{"expires_at": NEXT_YEAR, **given},
    )
    assert outcome.issued_badge
    return outcome.issued_badge


def test_a_badge_after_an_expired_one_takes_its_place_at_the_provider(expired, answers):
    row = again(expired)
    assert row.replaces == expired
    asked = answers(renew=at_the_provider(replaces_id="old"))
    deliver()
    [(verb, old, request)] = asked
    assert (verb, old, request.expires_at) == ("renew", "old", NEXT_YEAR)
    assert request.issued_at == stored(row).earned_at
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, "new")
    assert (stored(expired).status, stored(expired).external_uuid) == (S.SUPERSEDED, "old")
    assert expired.events.get().data == {"external_uuid": "old", "renewed_by": row.pk}


def test_a_badge_that_was_prolonged_in_place_belongs_to_the_new_row(expired, answers):
    row = again(expired)
    answers(renew=at_the_provider(external_id="old", standing=Standing.HELD, expires_at=NEXT_YEAR))
    deliver()
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, "old")
    assert (stored(expired).status, stored(expired).external_uuid) == (S.SUPERSEDED, "")
    assert expired.events.get().data["external_uuid"] == "old"


def test_a_provider_that_put_nothing_in_its_place_leaves_the_expired_one_as_it_is(
    expired, answers, monkeypatch
):
    monkeypatch.setattr(Credly, "abilities", Credly.abilities - {"renew"})
    row = again(expired)
    asked = answers(issue=at_the_provider())
    deliver()
    assert [call[0] for call in asked] == ["issue"]
    assert (stored(row).status, stored(expired).status) == (S.ISSUED, S.EXPIRED)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([], S.UNKNOWN),  # not there: it will be sent again
        ([{"external_id": "new"}], S.ISSUED),
        ([{"external_id": "old", "standing": Standing.EXPIRED}], S.UNKNOWN),
        ([{"external_id": "old", "standing": Standing.HELD, "expires_at": PAST}], S.UNKNOWN),
        ([{"external_id": "old", "standing": Standing.HELD, "expires_at": NEXT_YEAR}], S.ISSUED),
    ],
    ids=["nothing", "a new one", "the old one", "the old one as it was", "the old one prolonged"],
)
def test_a_renewal_whose_answer_was_lost_is_looked_for(expired, answers, later, found, status):
    row = again(expired)
    answers(renew=OutcomeUnknown("?"), find=[at_the_provider(**given) for given in found])
    deliver()
    with later(seconds=5):
        reconcile()
    assert stored(row).status == status
    if status == S.ISSUED:
        assert stored(row).external_uuid == found[0]["external_id"]
    prolonged = status == S.ISSUED and found[0]["external_id"] == "old"
    assert stored(expired).status == (S.SUPERSEDED if prolonged else S.EXPIRED)


def test_a_renewal_that_is_refused_is_told_in_the_providers_words(expired, answers, later):
    row = again(expired)
    answers(renew=Rejected("Refused.", status=422, provider_message="Not this one."), find=[])
    deliver()
    reconcile()
    with later(seconds=11):
        reconcile()
    assert (stored(row).status, stored(row).provider_message) == (S.FAILED, "Not this one.")
    assert stored(expired).status == S.EXPIRED


def test_what_expired_unsent_is_followed_by_a_plain_badge(badge, answers):
    past = IssuedBadgeFactory(badge=badge, status=S.EXPIRED, expires_at=PAST)
    row = again(past)
    assert row.replaces == past
    asked = answers(issue=at_the_provider())
    deliver()
    assert [call[0] for call in asked] == ["issue"]
    assert (stored(row).status, stored(past).status) == (S.ISSUED, S.EXPIRED)


def test_the_latest_of_several_expired_ones_is_replaced(badge):
    learner = UserFactory(organization=badge.organization)
    rows = [IssuedBadgeFactory(badge=badge, learner=learner, status=S.EXPIRED) for _number in range(2)]
    IssuedBadgeFactory(badge=badge, learner=learner, status=S.REVOKED)
    assert again(rows[0]).replaces == rows[1]


def test_nothing_of_the_zone_is_lost_on_the_way_to_the_provider(badge, answers):
    badge.organization.time_zone = "Asia/Tokyo"
    badge.organization.save()
    IssuedBadgeFactory(badge=badge, expires_at=NEXT_YEAR)
    asked = answers(issue=at_the_provider())
    deliver()
    [(_verb, request)] = asked
    assert request.expires_at.tzinfo == ZoneInfo("Asia/Tokyo")
