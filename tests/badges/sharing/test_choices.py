"""What a learner chooses about a badge of hers, and what stands in the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from badges import issuing
from badges.erasing import erase
from badges.models import BadgePresentation, IssuedBadge
from badges.sharing import choices
from badges.status import PRESENTABLE, Status
from tests.factories import AdministratorFactory, BadgeFactory, IssuedBadgeFactory, UserFactory
from tms.errors import Conflict, NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> IssuedBadge:
    return IssuedBadgeFactory(status=Status.ACCEPTED)


def chosen(row: IssuedBadge) -> tuple[bool, bool, bool, bool]:
    """Featured, hidden, public, indexed."""
    found = BadgePresentation.objects.get(issued_badge=row)
    return found.is_featured, found.is_hidden, found.published_at is not None, found.is_indexed


def test_nothing_is_stored_until_she_chooses(row):
    assert not BadgePresentation.objects.exists()
    with pytest.raises(BadgePresentation.DoesNotExist):
        _ = row.presentation


def test_a_badge_is_featured_until_it_is_not(row):
    choices.feature(row, actor=row.learner)
    choices.feature(row, actor=row.learner)
    assert chosen(row) == (True, False, False, False)

    choices.unfeature(row, actor=row.learner)
    assert chosen(row) == (False, False, False, False)


def test_publishing_twice_keeps_the_first_moment_and_search_engines_stay_out(row):
    first = choices.publish(row, actor=row.learner)
    second = choices.publish(row, actor=row.learner)

    assert first.published_at is not None
    assert (second.published_at, second.public_id) == (first.published_at, first.public_id)
    assert chosen(row) == (False, False, True, False)


def test_the_address_is_the_same_when_it_is_published_again_and_search_engines_are_asked_anew(row):
    first = choices.publish(row, actor=row.learner)
    choices.let_search_engines_in(row, allowed=True, actor=row.learner)
    assert chosen(row) == (False, False, True, True)

    choices.unpublish(row, actor=row.learner)
    assert chosen(row) == (False, False, False, False)
    assert choices.publish(row, actor=row.learner).public_id == first.public_id
    assert chosen(row) == (False, False, True, False)


def test_two_badges_have_addresses_that_tell_nothing_of_their_numbers(row):
    other = IssuedBadgeFactory(status=Status.ACCEPTED, learner=row.learner)
    ids = {choices.publish(each, actor=row.learner).public_id for each in (row, other)}

    assert len(ids) == 2
    assert all(public_id.version == 4 for public_id in ids)


def test_hiding_takes_back_what_was_shown(row):
    choices.publish(row, actor=row.learner)
    choices.let_search_engines_in(row, allowed=True, actor=row.learner)
    choices.feature(row, actor=row.learner)

    choices.hide(row, actor=row.learner)
    assert chosen(row) == (False, True, False, False)

    choices.unhide(row, actor=row.learner)
    assert chosen(row) == (False, False, False, False)


@pytest.mark.parametrize("verb", [choices.feature, choices.publish])
def test_what_is_hidden_is_neither_featured_nor_published(row, verb):
    choices.hide(row, actor=row.learner)

    with pytest.raises(Conflict) as refused:
        verb(row, actor=row.learner)

    assert refused.value.code == "hidden"
    assert chosen(row) == (False, True, False, False)


@pytest.mark.parametrize("verb", [choices.feature, choices.publish])
@pytest.mark.parametrize("status", sorted(set(Status) - set(PRESENTABLE)))
def test_what_she_does_not_hold_is_neither_featured_nor_published(verb, status):
    row = IssuedBadgeFactory(status=status)

    with pytest.raises(Conflict) as refused:
        verb(row, actor=row.learner)

    assert refused.value.code == "not_held"
    assert not BadgePresentation.objects.exists()


@pytest.mark.parametrize("status", sorted(Status))
def test_any_badge_can_be_hidden_and_its_publishing_be_stopped(status):
    row = IssuedBadgeFactory(status=status)
    BadgePresentation.objects.create(issued_badge=row, published_at=timezone.now())

    choices.unpublish(row, actor=row.learner)
    choices.hide(row, actor=row.learner)

    assert chosen(row) == (False, True, False, False)


def test_search_engines_find_nothing_that_is_private(row):
    with pytest.raises(Conflict) as refused:
        choices.let_search_engines_in(row, allowed=True, actor=row.learner)

    assert refused.value.code == "not_public"
    assert not BadgePresentation.objects.exists()


def test_somebody_without_a_name_has_nothing_to_publish():
    row = IssuedBadgeFactory(status=Status.ISSUED, learner__first_name="", learner__last_name="")

    with pytest.raises(Conflict) as refused:
        choices.publish(row, actor=row.learner)

    assert refused.value.code == "no_name"


@pytest.mark.parametrize(
    "verb",
    [
        choices.feature,
        choices.unfeature,
        choices.hide,
        choices.unhide,
        choices.publish,
        choices.unpublish,
        lambda row, actor: choices.let_search_engines_in(row, allowed=True, actor=actor),
    ],
)
def test_nobody_chooses_in_her_place(row, verb):
    choices.publish(row, actor=row.learner)
    others = [
        AdministratorFactory(organization=row.learner.organization),
        UserFactory(organization=row.learner.organization),
        UserFactory(organization=None, is_superuser=True),
    ]
    for other in others:
        with pytest.raises(NotFound):
            verb(row, actor=other)

    assert chosen(row) == (False, False, True, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"is_hidden": True, "is_featured": True},
        {"is_hidden": True, "published_at": timezone.now()},
        {"is_indexed": True},
    ],
)
def test_the_database_refuses_what_contradicts_itself(row, fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        BadgePresentation.objects.create(issued_badge=row, **fields)


def test_what_is_to_be_erased_is_public_no_longer(row):
    IssuedBadge.objects.filter(pk=row.pk).update(external_uuid="there")
    choices.publish(row, actor=row.learner)

    erase(row, reason="She asked for it.", actor=None)

    assert not BadgePresentation.objects.exists()
    with pytest.raises(Conflict):
        choices.publish(row, actor=row.learner)


@pytest.mark.parametrize("choose", [choices.hide, choices.feature])
def test_a_renewed_badge_is_shown_as_the_one_before_but_is_private(choose):
    badge = BadgeFactory()
    administrator = AdministratorFactory(organization=badge.organization)
    past = IssuedBadgeFactory(
        badge=badge, status=Status.EXPIRED, expires_at=timezone.now() - timedelta(days=1)
    )
    other = IssuedBadgeFactory(badge=badge, status=Status.EXPIRED)
    if choose is choices.feature:
        choices.publish(past, actor=past.learner)
    choose(past, actor=past.learner)
    choices.publish(other, actor=other.learner)

    outcomes = issuing.issue(
        badge, [past.learner, other.learner], source=IssuedBadge.Source.API, actor=administrator
    )

    [renewed] = BadgePresentation.objects.exclude(issued_badge__in=[past, other])
    assert renewed.issued_badge in [outcome.issued_badge for outcome in outcomes]
    assert renewed.issued_badge.replaces == past
    assert chosen(renewed.issued_badge) == (choose is choices.feature, choose is choices.hide, False, False)
