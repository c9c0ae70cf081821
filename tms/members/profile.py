"""What people say of themselves: the only writer of it.

Whatever completes a profile is an activity, written in the same transaction and once for each person
(tms.progress.once), so that achievements over it are earned within seconds. Taking something away again
takes back nothing that was earned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from tms import audit, progress
from tms.access import Action, require
from tms.members import links as social
from tms.models import Activity, MemberProfile, ProfilePicture, SocialLink, User

if TYPE_CHECKING:
    from tms.members.links import Link

MOST_OF_BIO = 1000
# So many characters make a bio: a sentence, in any script.
COMPLETE_BIO = 20
_Kind = Activity.Kind


def bio_of(user: User) -> str:
    profile: MemberProfile | None = getattr(user, "member_profile", None)
    return profile.bio if profile else ""


def links_of(user: User) -> list[Link]:
    return [social.told(link) for link in user.social_links.all()]


def shows_profile(user: User) -> bool:
    """Whether she has chosen to show it where she is now, whatever the organization allows."""
    profile: MemberProfile | None = getattr(user, "member_profile", None)
    return bool(profile and profile.shown_in_id and profile.shown_in_id == user.organization_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """What of a profile there is."""

    picture: bool
    bio: bool
    links: int

    @property
    def is_complete(self) -> bool:
        return self.picture and self.bio and self.links > 0

    @property
    def done(self) -> int:
        return self.picture + self.bio + (self.links > 0)


def completeness_of(user: User) -> Completeness:
    return Completeness(
        picture=ProfilePicture.objects.filter(user=user).exists(),
        bio=_is_complete(bio_of(user)),
        links=user.social_links.count(),
    )


def _is_complete(bio: str) -> bool:
    return len("".join(bio.split())) >= COMPLETE_BIO


def save_profile(user: User, *, bio: str, links: Sequence[str], shows: bool | None = None) -> None:
    """Store bio and links, checked before, and whether others of the organization see it; None: as is."""
    with transaction.atomic():
        _hold(user)
        profile, _is_new = MemberProfile.objects.get_or_create(user=user)
        profile.bio = bio
        if shows is not None:
            profile.shown_in = user.organization if shows else None
        profile.save()
        SocialLink.objects.filter(user=user).exclude(url__in=links).delete()
        SocialLink.objects.bulk_create(
            [SocialLink(user=user, url=url, position=position) for position, url in enumerate(links)],
            update_conflicts=True,
            unique_fields=["user", "url"],
            update_fields=["position"],
        )
        user.member_profile = profile
        _note(user)


def save_picture(user: User, image: bytes) -> ProfilePicture:
    """`image` was made by tms.members.picture."""
    with transaction.atomic():
        _hold(user)
        picture, _is_new = ProfilePicture.objects.update_or_create(
            user=user, defaults={"image": image, "version": hashlib.sha256(image).hexdigest()[:16]}
        )
        _note(user)
    return picture


def remove_picture(user: User) -> None:
    ProfilePicture.objects.filter(user=user).delete()


def forget_profile(user: User) -> None:
    """Nothing is left of what she said of herself: for erasing a person. What she earned is no part of it."""
    with transaction.atomic():
        for model in (ProfilePicture, SocialLink, MemberProfile):
            model.objects.filter(user=user).delete()


def clear_profile(user: User, *, reason: str, actor: User | None) -> None:
    """Take away what does not belong there: for those who manage the member, and never without a reason."""
    require(actor, Action.MANAGE, user)
    reason = audit.require_reason(reason)
    with transaction.atomic():
        forget_profile(user)
        audit.record(
            audit.Act.CHANGE,
            user,
            kind=audit.Kind.USER,
            actor=actor,
            reason=reason,
            changes={"profile": [audit.HIDDEN, ""]},
        )


def _hold(user: User) -> None:
    """One writer of a person's profile at a time; what refers to the user is not held up by it."""
    User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk").first()


def _note(user: User) -> None:
    """What has been reached for the first time. The n-th link counts when there are n at the same time, so
    that adding and removing one again and again is worth nothing."""
    reached = completeness_of(user)
    occasions = [(_Kind.SOCIAL_LINK_ADDED, f"link {number}") for number in range(1, reached.links + 1)]
    if reached.picture:
        occasions.append((_Kind.PROFILE_PICTURE_ADDED, "first"))
    if reached.bio:
        occasions.append((_Kind.BIO_COMPLETED, "first"))
    if reached.is_complete:
        occasions.append((_Kind.PROFILE_COMPLETED, "first"))
    progress.once(user, occasions)
