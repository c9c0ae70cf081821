"""What people of the demo say of themselves."""

from __future__ import annotations

from random import Random

import pytest

from achievements import evaluation
from achievements.models import Achievement, EarnedAchievement
from config.demo.catalogue import ACADEMY
from config.demo.membership import OTHERS_SAY, draw, reward_profiles, show_members
from config.demo.people import LEARNER
from tests.factories import OrganizationFactory, UserFactory
from tms.members.profile import completeness_of, save_profile
from tms.models import MemberProfile, Organization, ProfilePicture, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def academy() -> Organization:
    academy = OrganizationFactory.create(external_id=ACADEMY.external_id, name=ACADEMY.name)
    UserFactory.create(organization=academy, external_id=LEARNER.external_id, email=LEARNER.email)
    for number in range(12):
        UserFactory.create(organization=academy, external_id=f"user-00{number:02}")
    return academy


def test_members_of_the_academy_are_shown_and_earn_what_profiles_earn(academy: Organization) -> None:
    reward_profiles()
    show_members()
    evaluation.award_changes()

    academy.refresh_from_db()
    assert academy.allow_member_profiles
    assert MemberProfile.objects.exclude(shown_in=None).count() == len(OTHERS_SAY)
    assert ProfilePicture.objects.count() == sum(bool(said.colors) for said in OTHERS_SAY)
    earned = set(EarnedAchievement.objects.values_list("achievement__name", flat=True))
    assert earned == set(Achievement.objects.filter(category="Profile").values_list("name", flat=True))
    assert len(earned) == 4


def test_the_learner_who_signs_in_is_one_picture_away_from_a_complete_profile(academy: Organization) -> None:
    show_members()

    found = completeness_of(User.objects.get(external_id=LEARNER.external_id))
    assert (found.picture, found.bio, found.links) == (False, True, 2)


def test_a_second_time_leaves_everything_as_somebody_made_it(academy: Organization) -> None:
    reward_profiles()
    show_members()
    learner = User.objects.get(external_id=LEARNER.external_id)
    save_profile(learner, bio="Another", links=[], shows=False)
    Organization.objects.update(allow_member_profiles=False)
    Achievement.objects.filter(category="Profile").update(points=1)

    reward_profiles()
    show_members()

    assert MemberProfile.objects.get(user=learner).bio == "Another"
    assert not Organization.objects.get(pk=academy.pk).allow_member_profiles
    assert set(Achievement.objects.filter(category="Profile").values_list("points", flat=True)) == {1}


def test_a_portrait_is_drawn_the_same_every_time() -> None:
    colors = ("#f3c65b", "#3a2417", "#0b6377")

    assert draw(colors, rng=Random(1)) == draw(colors, rng=Random(1))
