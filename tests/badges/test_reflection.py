"""What the provider tells of its badges, and what becomes of it here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from badges import reflection
from badges.models import Difference
from badges.reflection import masked, reflect, reflect_each
from badges.status import Status
from providers.base import ProviderBadge, Standing
from tests.badges.conftest import stored, timeline
from tests.factories import BadgeFactory, IssuedBadgeFactory, OrganizationFactory, UserFactory

S = Status
Kind = Difference.Kind
pytestmark = pytest.mark.django_db


@pytest.fixture
def badge():
    return BadgeFactory()


@pytest.fixture
def provider(badge):
    return badge.badge_provider


def issued(badge, uuid="x-1", **given):
    return IssuedBadgeFactory(badge=badge, **{"status": S.ISSUED, "external_uuid": uuid, **given})


def told(row=None, *, badge=None, standing=Standing.PENDING, **given) -> ProviderBadge:
    """The badge of a record as its provider would tell it, or a stranger."""
    badge = badge or row.badge
    whose = {"external_id": "x-9"}
    if row:
        whose = {"external_id": row.external_uuid, "email": row.recipient_email}
        whose |= {"earner_id": str(row.learner.earner_id)}
    return ProviderBadge(
        **{
            **whose,
            "state": standing.value,
            "standing": standing,
            "template_id": badge.template_id,
            "created_at": datetime(2026, 5, 4, 12, tzinfo=UTC),
            **given,
        }
    )


def seen(provider, *badges, reason="Told."):
    return reflect(provider, badges, reason=reason)


def open_differences():
    rows = Difference.objects.filter(resolved_at=None).order_by("pk")
    return [(row.kind, row.external_uuid, row.issued_badge_id) for row in rows]


# --- Records ------------------------------------------------------------------------------------------------


def test_records_follow_and_agreement_leaves_nothing_behind(badge, provider):
    row, other = issued(badge), issued(badge, "x-2")
    reflected = seen(provider, told(row, standing=Standing.ACCEPTED), told(other))
    assert (reflected.rows, reflected.moved) == ({row.pk, other.pk}, {row.pk})
    assert stored(row).status == S.ACCEPTED
    assert open_differences() == []


def test_a_badge_that_we_took_back_and_that_is_valid_there_is_a_difference_until_it_is_not(badge, provider):
    row = issued(badge, status=S.REVOKED)
    seen(provider, told(row, standing=Standing.ACCEPTED))
    assert open_differences() == [(Kind.STATE, "x-1", row.pk)]
    found = Difference.objects.get()
    assert (found.badge, found.learner, found.details["status"]) == (badge, row.learner, "revoked")
    assert stored(row).status == S.REVOKED

    seen(provider, told(row, standing=Standing.ACCEPTED))
    again = Difference.objects.get()
    assert (again.pk, again.found_at) == (found.pk, found.found_at)
    assert again.seen_at > found.seen_at

    seen(provider, told(row, standing=Standing.REVOKED))
    assert open_differences() == []
    assert Difference.objects.get().decision == "Both say the same now."


def test_a_badge_that_is_being_renewed_there_is_no_difference(badge, provider):
    """The vendor prolongs in place; the successor takes the id over when its own answer is settled."""
    later = timezone.now() + timedelta(days=90)
    old = issued(badge, status=S.EXPIRED)
    successor = issued(badge, "", status=S.SENDING, learner=old.learner, replaces=old)
    seen(provider, told(old, expires_at=later))
    assert open_differences() == []
    successor.delete()
    seen(provider, told(old, expires_at=later))
    assert open_differences() == [(Kind.STATE, "x-1", old.pk)]


def test_another_address_is_told_without_naming_it_whole(badge, provider):
    row = issued(badge)
    seen(provider, told(row, email="Grace.Hopper@Example.com"))
    found = Difference.objects.get()
    assert (found.kind, found.details["address"]) == (Kind.PERSON, "g…@example.com")
    seen(provider, told(row, email=f" {row.recipient_email.upper()} "))
    assert open_differences() == []


def test_an_address_is_no_difference_while_a_correction_is_on_its_way(badge, provider):
    row = issued(badge, correction_due_at=timezone.now())
    seen(provider, told(row, email="old@example.com"))
    assert open_differences() == []


@pytest.mark.parametrize(
    ("address", "shown"), [("ada@example.org", "a…@example.org"), ("", "…"), ("nobody", "…"), ("@x.org", "…")]
)
def test_an_address_is_masked(address, shown):
    assert masked(address) == shown


# --- Strangers ----------------------------------------------------------------------------------------------


def test_a_badge_issued_there_is_unexpected_and_known_by_its_address(badge, provider):
    learner = UserFactory(organization=badge.organization)
    seen(provider, told(badge=badge, email=learner.email.upper()))
    found = Difference.objects.get()
    assert (found.kind, found.external_uuid, found.issued_badge) == (Kind.UNEXPECTED, "x-9", None)
    assert (found.badge, found.learner) == (badge, learner)
    assert learner.email not in str(found.details)


def test_nobody_of_another_organization_is_recognized_by_address(badge, provider):
    elsewhere = UserFactory(organization=OrganizationFactory())
    seen(provider, told(badge=badge, email=elsewhere.email))
    assert Difference.objects.get().learner is None


def test_whoever_we_sent_along_is_recognized_wherever_they_learn(badge, provider):
    elsewhere = UserFactory(organization=OrganizationFactory())
    seen(provider, told(badge=badge, earner_id=str(elsewhere.earner_id)))
    assert Difference.objects.get().learner == elsewhere


@pytest.mark.parametrize(
    "given",
    [
        {"standing": Standing.REVOKED},
        {"standing": Standing.REJECTED},
        {"standing": Standing.WITHHELD},
        {"template_id": "nobody-s"},
        {"external_id": "x" * 101},
        {"external_id": ""},
    ],
    ids=str,
)
def test_what_is_no_stranger_of_ours(badge, provider, given):
    assert seen(provider, told(badge=badge, **given)).rows == set()
    assert open_differences() == []


def test_strangers_of_an_inactive_badge_are_none_of_ours(provider, badge):
    badge.is_active = False
    badge.save()
    seen(provider, told(badge=badge))
    assert open_differences() == []


@pytest.mark.parametrize("status", [S.QUEUED, S.HELD, S.SENDING])
def test_what_is_on_its_way_is_no_stranger(badge, provider, status):
    row = issued(badge, "", status=status)
    seen(provider, told(badge=badge, earner_id=str(row.learner.earner_id)))
    assert (open_differences(), stored(row).status) == ([], status)


@pytest.mark.parametrize(
    "given", [{"status": S.UNKNOWN}, {"status": S.FAILED, "failure_code": "outcome_unknown"}]
)
def test_a_record_whose_outcome_nobody_knows_takes_its_badge(badge, provider, given):
    row = issued(badge, "", **given)
    reflected = seen(provider, told(badge=badge, earner_id=str(row.learner.earner_id)))
    assert reflected.rows == reflected.moved == {row.pk}
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, "x-9")
    assert timeline(row)[-1] == "unknown → issued"
    assert open_differences() == []


def test_a_record_that_was_refused_waits_for_somebody_to_adopt_its_badge(badge, provider):
    row = issued(badge, "", status=S.FAILED, failure_code="rejected")
    seen(provider, told(badge=badge, earner_id=str(row.learner.earner_id)))
    assert stored(row).status == S.FAILED
    assert open_differences() == [(Kind.UNEXPECTED, "x-9", None)]


def test_of_two_that_a_record_could_take_it_takes_one(badge, provider):
    row = issued(badge, "", status=S.UNKNOWN)
    earner = str(row.learner.earner_id)
    seen(
        provider,
        told(badge=badge, earner_id=earner, external_id="x-1"),
        told(badge=badge, earner_id=earner, external_id="x-2"),
    )
    assert stored(row).external_uuid == "x-1"
    assert open_differences() == [(Kind.TWICE, "x-2", row.pk)]


def test_a_second_badge_of_a_learner_is_one_too_many(badge, provider):
    row = issued(badge)
    twin = told(badge=badge, email=row.recipient_email)
    seen(provider, told(row), twin)
    assert open_differences() == [(Kind.TWICE, "x-9", row.pk)]
    assert Difference.objects.get().details["other"] == "x-1"
    seen(provider, told(badge=badge, email=row.recipient_email, standing=Standing.REVOKED))
    assert open_differences() == []


@pytest.mark.parametrize(
    ("status", "steps"), [(S.ISSUED, ["issued → issued"]), (S.ACCEPTED, ["accepted → issued"])]
)
def test_a_badge_that_was_put_in_the_place_of_another_there_is_the_records_now(
    badge, provider, status, steps
):
    row = issued(badge, status=status)
    successor = told(badge=badge, email=row.recipient_email, replaces_id="x-1")
    reflected = seen(provider, told(row, standing=Standing.OTHER), successor)
    assert reflected.moved == {row.pk}
    assert (stored(row).status, stored(row).external_uuid) == (S.ISSUED, "x-9")
    assert timeline(row) == steps
    assert open_differences() == []


def test_the_badge_of_another_account_is_nothing_to_this_one(badge, provider):
    row = issued(BadgeFactory(template_id=badge.template_id))
    assert seen(provider, told(row, badge=badge, standing=Standing.REVOKED, email="")).rows == set()
    assert stored(row).status == S.ISSUED


# --- Many ---------------------------------------------------------------------------------------------------


def test_many_take_as_many_statements_as_a_few(badge, provider, django_assert_max_num_queries):
    for number in (2, 40):
        rows = [issued(badge, f"r-{number}-{n}") for n in range(number)]
        ended = [issued(badge, f"e-{number}-{n}", status=S.REVOKED) for n in range(number)]
        learners = [UserFactory(organization=badge.organization) for _n in range(number)]
        badges = [told(row, standing=Standing.ACCEPTED) for row in rows]
        badges += [told(row) for row in ended]
        badges += [
            told(badge=badge, external_id=f"s-{number}-{n}", email=learner.email)
            for n, learner in enumerate(learners)
        ]
        with django_assert_max_num_queries(19):
            reflect(provider, badges, reason="Told.")
        with django_assert_max_num_queries(12):
            reflect(provider, badges, reason="Told again.")
    assert Difference.objects.count() == 2 * (2 + 40)


def test_one_that_cannot_be_stored_stops_no_other(badge, provider, monkeypatch):
    rows = [issued(badge, f"x-{number}") for number in range(3)]
    real = reflection.standing.follow

    def follow(pairs, **more):
        if any(there.external_id == "x-1" for _row, there in pairs):
            raise RuntimeError("It cannot be stored.")
        return real(pairs, **more)

    monkeypatch.setattr(reflection.standing, "follow", follow)
    reflected = reflect_each(
        provider, [told(row, standing=Standing.ACCEPTED) for row in rows], reason="Told."
    )
    assert reflected.moved == {rows[0].pk, rows[2].pk}
    assert [stored(row).status for row in rows] == [S.ACCEPTED, S.ISSUED, S.ACCEPTED]
