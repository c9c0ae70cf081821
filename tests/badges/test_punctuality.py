"""How the hour is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from badges.models import IssuedBadge
from badges.punctuality import SAMPLE, not_evaluated_since, punctuality
from badges.status import Status
from tests.factories import AdministratorFactory, IssuedBadgeFactory, UserFactory
from tms.models import ProgressChange

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROWS = IssuedBadge.objects.all


def issued(*, minutes: float, earned: datetime = NOW - timedelta(days=2), **fields: object) -> None:
    """A badge that was issued so many minutes after it was earned."""
    IssuedBadgeFactory(
        earned_at=earned,
        status=Status.ISSUED,
        **{
            "created_at": earned + MINUTE / 2,
            "issued_at": earned + minutes * MINUTE,
            "source_kind": IssuedBadge.Source.ACHIEVEMENT,
            **fields,
        },
    )


def test_median_95th_percentile_and_the_share_within_the_hour() -> None:
    for minutes in range(1, 20):
        issued(minutes=minutes)
    assert punctuality(ROWS(), now=NOW) is not None
    issued(minutes=90)

    found = punctuality(ROWS(), now=NOW)

    assert found is not None
    assert (found.count, found.kept, found.share) == (20, 19, 95)
    assert found.median == 10.5 * MINUTE
    assert 19 * MINUTE < found.most < 90 * MINUTE
    assert found.count <= SAMPLE


def test_what_is_no_question_of_the_hour_is_left_out() -> None:
    issued(minutes=2, source_kind=IssuedBadge.Source.ROSTER)
    issued(minutes=2, priority=IssuedBadge.Priority.BACKFILL)
    issued(minutes=2, earned=NOW - timedelta(days=8))
    # Imported, or earned by a rule that came later: recorded two days after it was done.
    late = NOW - timedelta(days=3)
    issued(minutes=60 * 50, earned=late, created_at=late + timedelta(days=2))
    assert punctuality(ROWS(), now=NOW) is None

    issued(minutes=60 * 30)  # what waited for a day and more is told

    found = punctuality(ROWS(), now=NOW)
    assert found is not None
    assert (found.count, found.kept, found.median, found.most) == (1, 0, 30 * 60 * MINUTE, 30 * 60 * MINUTE)


def test_who_waits_to_be_evaluated_is_told_to_those_who_see_her() -> None:
    administrator = AdministratorFactory()
    elsewhere = UserFactory()
    ProgressChange.objects.create(learner=elsewhere, at=NOW - timedelta(hours=9))
    assert not_evaluated_since(administrator) is None

    learner = UserFactory(organization=administrator.organization)
    for hours in (3, 2):
        ProgressChange.objects.create(learner=learner, at=NOW - timedelta(hours=hours))

    assert not_evaluated_since(administrator) == NOW - timedelta(hours=3)
