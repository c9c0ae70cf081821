"""Which badges are shown, and in which order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from badges.models import IssuedBadge
from badges.sharing import choices
from badges.sharing.order import featured_first, shown_to_others
from badges.status import Status
from tests.factories import PAST, IssuedBadgeFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> list[IssuedBadge]:
    """The oldest first."""
    learner = UserFactory()
    return [
        IssuedBadgeFactory(learner=learner, status=Status.ACCEPTED, earned_at=PAST + timedelta(days=day))
        for day in range(4)
    ]


def test_the_newest_come_first_and_featured_ones_before_them(rows):
    choices.feature(rows[0], actor=rows[0].learner)
    choices.feature(rows[2], actor=rows[0].learner)

    assert list(featured_first(IssuedBadge.objects.all())) == [rows[2], rows[0], rows[3], rows[1]]


def test_others_do_not_see_what_she_hides(rows):
    choices.hide(rows[3], actor=rows[0].learner)
    choices.feature(rows[1], actor=rows[0].learner)
    choices.hide(rows[2], actor=rows[0].learner)
    choices.unhide(rows[2], actor=rows[0].learner)

    assert list(shown_to_others(IssuedBadge.objects.all())) == [rows[1], rows[2], rows[0]]
    assert rows[3] in featured_first(IssuedBadge.objects.all())


def test_what_she_chose_comes_with_the_rows(rows, django_assert_num_queries):
    choices.feature(rows[0], actor=rows[0].learner)

    with django_assert_num_queries(1):
        found = list(shown_to_others(IssuedBadge.objects.all()))
        assert [hasattr(row, "presentation") for row in found] == [True, False, False, False]
