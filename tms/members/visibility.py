"""Who sees a member's profile, and so her picture and her cards: one query that says it for all of them.

Herself always, and those who administer her organization. The other members of her organization, and nobody
else, where the organization allows it and she has chosen it. For everybody else there is no such profile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F, Q

from tms.access import Action, reachable
from tms.models import MemberProfile, Organization, ProfilePicture, User

if TYPE_CHECKING:
    from django.db.models import QuerySet


def members_seen_by(viewer: User) -> QuerySet[User]:
    seen = reachable(User, viewer, Action.SEE_OWN)
    if viewer.is_active and viewer.organization_id:
        seen |= Q(
            is_active=True,
            organization=viewer.organization_id,
            organization__allow_member_profiles=True,
            member_profile__shown_in=F("organization"),
        )
    rows: QuerySet[User] = User.objects.filter(seen)
    return rows


def pictures_seen_by(viewer: User) -> QuerySet[ProfilePicture]:
    return ProfilePicture.objects.filter(user__in=members_seen_by(viewer).order_by().values("pk"))


def shown_in(organization: Organization) -> int:
    """How many of its members have chosen to show their profiles."""
    chosen = MemberProfile.objects.filter(shown_in=organization, user__organization=organization)
    return chosen.filter(user__is_active=True).count()
