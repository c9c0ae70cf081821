"""What saving would do, told before it is done."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from achievements import backfill, evaluation
from achievements.models import Achievement, EarnedAchievement, RuleVersion
from achievements.preview import preview
from badges.models import IssuedBadge
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.errors import DomainError, NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization():
    return OrganizationFactory()


def launched(organization, *days, **person):
    learner = UserFactory(organization=organization, **person)
    for day in days:
        LabInstanceFactory(user=learner, started_at=datetime(2026, 3, day, 9, tzinfo=UTC))
    return learner


def draft(organization, text="[{Subject:0, Count:1}]", **more):
    return Achievement(name="Draft", organization=organization, points=5, conditions_text=text, **more)


def test_it_says_who_would_earn_it_and_when_and_writes_nothing(organization):
    ada = launched(organization, 2, 5)
    bea = launched(organization, 3)
    found = preview(draft(organization))
    assert (found.awards, found.learners) == (2, 2)
    assert [(gain.learner_id, gain.earned_at.day) for gain in found.sample] == [(bea.pk, 3), (ada.pk, 2)]
    assert found.sample[0].name == bea.get_full_name()
    assert not Achievement.objects.exists()
    assert not RuleVersion.objects.exists()
    assert not EarnedAchievement.objects.exists()


def test_what_it_says_is_what_saving_does(organization):
    for days in ((1,), (1, 2), (1, 2, 3)):
        launched(organization, *days)
    said = preview(draft(organization, "[{Subject:0, Count:2}]"))
    AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:2}]")
    backfill.award_due()
    rows = EarnedAchievement.objects.order_by("-earned_at", "-pk")
    assert said.awards == rows.count()
    assert {(gain.learner_id, gain.earned_at) for gain in said.sample} == {
        (row.learner_id, row.earned_at) for row in rows
    }


def test_the_draft_can_still_be_saved_afterwards(organization):
    launched(organization, 1)
    unsaved = draft(organization)
    preview(unsaved)
    from achievements.authoring import save_achievement

    save_achievement(unsaved)
    assert Achievement.objects.get().name == "Draft"


def test_an_edit_says_who_gains(organization):
    launched(organization, 1, 2)
    launched(organization, 1)
    achievement = AchievementFactory(organization=organization, conditions_text="[{Subject:0, Count:2}]")
    evaluation.award_changes()
    achievement.conditions_text = "[{Subject:0, Count:1}]"
    assert preview(achievement).awards == 1
    stored = Achievement.objects.get()
    assert (stored.conditions_text, stored.rule_version) == ("[{Subject:0, Count:2}]", 1)


def test_it_counts_who_is_held_back_at_which_gate(organization):
    launched(organization, 1)
    gates.opt_out(launched(organization, 1))
    launched(OrganizationFactory(), 1)
    launched(OrganizationFactory(enable_achievements=False), 1)
    found = preview(draft(organization))
    assert found.awards == 1
    assert found.blocked == {"organization": 1, "participation": 1, "reach": 2}


def test_it_counts_the_calls_that_the_provider_would_get(organization):
    badge = BadgeFactory(organization=organization)
    AchievementFactory(organization=organization, badge=badge)
    launched(organization, 1)
    evaluation.award_changes()
    assert IssuedBadge.objects.count() == 1
    launched(organization, 1)
    found = preview(draft(organization, badge=badge))
    assert (found.awards, found.calls) == (2, 1)
    assert found.seconds > 0


def test_it_says_what_else_must_be_switched_on():
    off = OrganizationFactory(enable_achievements=False)
    found = preview(draft(off, enabled=False))
    assert len(found.waiting_for) == 2


def test_a_cap_limits_the_forecast(organization):
    for _ in range(3):
        launched(organization, 1)
    assert preview(draft(organization, frequency=2, frequency_type="per_achievement")).awards == 2


def test_a_wrong_rule_is_refused_as_on_saving(organization):
    with pytest.raises(DomainError) as caught:
        preview(draft(organization, "[{Subject:0, Cuont:1}]"))
    assert caught.value.code == "conditions"


def test_a_stranger_cannot_look_into_another_organization(organization):
    launched(organization, 1)
    with pytest.raises(NotFound):
        preview(draft(organization), actor=AdministratorFactory())


def test_statements_do_not_grow_with_learners(organization, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for size in (1, 9):
        for _ in range(size):
            launched(organization, 1)
        with CaptureQueriesContext(connection) as queries:
            preview(draft(organization))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_badge_that_is_linked_afterwards_shows_who_has_earned_it_before(organization):
    ada = launched(organization, 2)
    achievement = AchievementFactory(organization=organization)
    backfill.award_due()
    badge = BadgeFactory(organization=organization)
    achievement.refresh_from_db()
    achievement.badge = badge
    bea = launched(organization, 3)

    found = preview(achievement)

    assert (found.awards, found.owed, found.calls) == (1, 1, 2)
    assert [gain.learner_id for gain in found.owed_sample] == [ada.pk]
    assert [gain.learner_id for gain in found.sample] == [bea.pk]
    assert not IssuedBadge.objects.exists()
    achievement.refresh_from_db()
    assert achievement.badge is None
