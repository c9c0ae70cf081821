"""What completes a profile is earned once, however often it is done, and taking it away takes nothing back."""

from __future__ import annotations

from collections import Counter

import pytest

from achievements import evaluation
from achievements.models import EarnedAchievement
from tests.factories import AchievementFactory, AdministratorFactory, OrganizationFactory, UserFactory
from tms import progress, records
from tms.errors import DomainError, NotFound
from tms.members import profile
from tms.members.profile import (
    clear_profile,
    completeness_of,
    forget_profile,
    remove_picture,
    save_picture,
    save_profile,
)
from tms.models import (
    Activity,
    AuditEntry,
    LearningRecord,
    MemberProfile,
    ProfileCard,
    ProfilePicture,
    SocialLink,
    User,
)

pytestmark = pytest.mark.django_db

BIO = "I like to learn how things work."
LINKS = ["https://github.com/ada", "https://ada.example/"]
IMAGE = b"made elsewhere"
Kind = Activity.Kind


@pytest.fixture
def learner() -> User:
    return UserFactory.create()


def done(user: User) -> Counter[str]:
    return Counter(Activity.objects.filter(user=user).values_list("kind", flat=True))


def test_a_profile_is_stored(learner: User) -> None:
    save_profile(learner, bio=BIO, links=LINKS, shows=True)

    stored = MemberProfile.objects.get(user=learner)
    assert (stored.bio, stored.shown_in) == (BIO, learner.organization)
    assert [link.url for link in profile.links_of(learner)] == LINKS


def test_links_keep_their_order_and_go_when_they_are_left_out(learner: User) -> None:
    save_profile(learner, bio="", links=LINKS)
    save_profile(learner, bio="", links=LINKS[::-1])
    assert [link.url for link in profile.links_of(learner)] == LINKS[::-1]

    save_profile(learner, bio="", links=LINKS[1:])
    assert [link.url for link in profile.links_of(learner)] == LINKS[1:]


def test_who_sees_it_is_left_as_it_was_where_nobody_asked(learner: User) -> None:
    save_profile(learner, bio="", links=[], shows=True)
    save_profile(learner, bio=BIO, links=[], shows=None)
    assert profile.shows_profile(learner)

    save_profile(learner, bio=BIO, links=[], shows=False)
    assert not profile.shows_profile(learner)


def test_nobody_sees_a_profile_until_its_owner_says_so(learner: User) -> None:
    save_profile(learner, bio=BIO, links=LINKS)

    assert not profile.shows_profile(learner)


def test_each_step_is_written_when_it_is_reached(learner: User) -> None:
    save_profile(learner, bio=BIO, links=[])
    assert done(learner) == {Kind.BIO_COMPLETED: 1}

    save_profile(learner, bio=BIO, links=LINKS)
    assert done(learner) == {Kind.BIO_COMPLETED: 1, Kind.SOCIAL_LINK_ADDED: 2}

    save_picture(learner, IMAGE)
    assert done(learner) == {
        Kind.BIO_COMPLETED: 1,
        Kind.SOCIAL_LINK_ADDED: 2,
        Kind.PROFILE_PICTURE_ADDED: 1,
        Kind.PROFILE_COMPLETED: 1,
    }


def test_a_step_is_a_record_that_can_be_made_anew(learner: User) -> None:
    save_picture(learner, IMAGE)

    assert LearningRecord.objects.filter(learner=learner).count() == 1
    assert list(records.rebuild(check=True)) == []


@pytest.mark.parametrize(("bio", "complete"), [("", False), ("Hello. " * 3, False), ("x " * 20, True)])
def test_a_bio_is_complete_from_a_sentence_on(learner: User, bio: str, complete: bool) -> None:
    save_profile(learner, bio=bio, links=[])

    assert completeness_of(learner).bio is complete
    assert bool(done(learner)) is complete


def test_doing_it_again_and_again_is_worth_nothing(learner: User) -> None:
    for number in range(3):
        save_profile(learner, bio=BIO, links=[f"https://ada{number}.example/"])
        save_picture(learner, IMAGE + bytes([number]))
        save_profile(learner, bio="", links=[])
        remove_picture(learner)

    assert done(learner) == {
        Kind.BIO_COMPLETED: 1,
        Kind.SOCIAL_LINK_ADDED: 1,
        Kind.PROFILE_PICTURE_ADDED: 1,
        Kind.PROFILE_COMPLETED: 1,
    }


def test_two_at_once_write_a_step_once(learner: User) -> None:
    progress.once(learner, [(Kind.BIO_COMPLETED, "first")])

    assert progress.once(learner, [(Kind.BIO_COMPLETED, "first")]) == []
    assert done(learner) == {Kind.BIO_COMPLETED: 1}


def test_a_complete_profile_is_earned_and_stays_so_without_it() -> None:
    organization = OrganizationFactory.create()
    learner = UserFactory.create(organization=organization)
    for kind in (
        Kind.PROFILE_PICTURE_ADDED,
        Kind.BIO_COMPLETED,
        Kind.SOCIAL_LINK_ADDED,
        Kind.PROFILE_COMPLETED,
    ):
        AchievementFactory.create(
            organization=organization,
            name=kind.value,
            conditions_text=f"[{{Subject:50, Kinds:[{kind.value}], Count:1}}]",
        )
    evaluation.award_changes()

    save_profile(learner, bio=BIO, links=LINKS[:1])
    save_picture(learner, IMAGE)
    evaluation.award_changes()
    remove_picture(learner)
    save_profile(learner, bio="", links=[])
    evaluation.award_changes()

    assert EarnedAchievement.objects.filter(learner=learner, withdrawn_at=None).count() == 4


def test_the_address_of_a_picture_changes_with_it(learner: User) -> None:
    first = save_picture(learner, IMAGE).version

    assert save_picture(learner, IMAGE).version == first
    assert save_picture(learner, IMAGE + b"!").version != first
    assert ProfilePicture.objects.count() == 1


def test_nothing_is_left_of_what_somebody_said_of_herself(learner: User) -> None:
    other = UserFactory.create(organization=learner.organization)
    for user in (learner, other):
        save_profile(user, bio=BIO, links=LINKS, shows=True)
        save_picture(user, IMAGE)

    forget_profile(learner)

    for model in (MemberProfile, ProfilePicture, SocialLink):
        assert {row.user_id for row in model.objects.all()} == {other.pk}
    assert done(learner)


def test_who_manages_a_member_may_clear_the_profile_and_says_why(learner: User) -> None:
    administrator = AdministratorFactory.create(organization=learner.organization)
    save_profile(learner, bio=BIO, links=LINKS, shows=True)
    with pytest.raises(DomainError):
        clear_profile(learner, reason=" ", actor=administrator)
    for stranger in (UserFactory.create(organization=learner.organization), AdministratorFactory.create()):
        with pytest.raises(NotFound):
            clear_profile(learner, reason="Unfit", actor=stranger)
    assert MemberProfile.objects.exists()

    clear_profile(learner, reason="Unfit", actor=administrator)

    assert not MemberProfile.objects.exists() and not SocialLink.objects.exists()
    entry = AuditEntry.objects.get()
    assert (entry.about, entry.reason, entry.actor) == (learner, "Unfit", administrator)
    assert entry.told_changes == [("profile", "•••", "–")]


def test_it_goes_with_the_person(learner: User) -> None:
    save_profile(learner, bio="", links=[])
    SocialLink.objects.create(user=learner, url=LINKS[0], position=0)
    ProfilePicture.objects.create(user=learner, image=IMAGE, version="1")

    learner.delete()

    assert not any(
        model.objects.exists() for model in (MemberProfile, ProfilePicture, SocialLink, ProfileCard)
    )
