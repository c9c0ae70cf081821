"""Runs and progress are kept for some time; awards are kept for good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from achievements import evaluation
from achievements.forgetting import KEPT, KEPT_IN_VAIN, LOOKED_AT, forget
from achievements.models import Begun, EarnedAchievement, Look, RuleRun
from achievements.progress.looks import LATELY, look
from achievements.progress.working_out import work_out
from tests.factories import AchievementFactory, LabInstanceFactory, UserFactory

pytestmark = pytest.mark.django_db
NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("age", "awarded", "error", "left"),
    [
        (KEPT_IN_VAIN - DAY, 0, "", 1),
        (KEPT_IN_VAIN + DAY, 0, "", 0),
        (KEPT_IN_VAIN + DAY, 3, "", 1),
        (KEPT_IN_VAIN + DAY, 0, "too slow", 1),
        (KEPT - DAY, 3, "", 1),
        (KEPT + DAY, 3, "", 0),
        (KEPT + DAY, 0, "too slow", 0),
    ],
)
def test_runs_that_came_to_nothing_are_forgotten_first(
    age: timedelta, awarded: int, error: str, left: int
) -> None:
    RuleRun.objects.create(
        achievement=AchievementFactory(),
        started_at=NOW - age,
        seconds=0.1,
        looked_at=9,
        awarded=awarded,
        error=error,
    )
    forget()
    assert RuleRun.objects.count() == left


def test_progress_at_which_nobody_has_looked_for_long_is_worked_out_anew_by_a_look() -> None:
    assert LOOKED_AT > LATELY
    ada, bea = UserFactory(), UserFactory()
    for person in (ada, bea):
        AchievementFactory(organization=person.organization, conditions_text="[{Count:9}]")
        AchievementFactory(organization=person.organization)
        LabInstanceFactory(user=person)
        look(person)
    evaluation.award_changes()
    work_out()
    begun = set(Begun.objects.values_list("learner", "achievement", "percent"))
    assert len(begun) == 2
    Look.objects.filter(learner=ada).update(looked_at=NOW - LOOKED_AT - DAY)

    forget()

    assert list(Look.objects.values_list("learner", flat=True)) == [bea.pk]
    assert list(Begun.objects.values_list("learner", flat=True)) == [bea.pk]
    assert EarnedAchievement.objects.count() == 2
    look(ada)
    work_out()
    assert set(Begun.objects.values_list("learner", "achievement", "percent")) == begun
