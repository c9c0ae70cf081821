"""The badge providers and badges of an organization, in numbers, for its profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from badges.models import Badge
from providers.availability import given_to
from providers.models import BadgeProvider
from tms.access import Action
from tms.profiles.counts import Counts, Line

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from tms.models import Organization, User


def badges(organization: Organization, viewer: User) -> Counts:
    """Its own, and those that others let it use. Of these a reader from below sees the number alone."""
    return Counts(
        name="badges",
        title=_("Badges"),
        lines=(
            *_lines(
                BadgeProvider, organization, viewer, find="find-badge-providers", label=_("Badge Providers")
            ),
            *_lines(Badge, organization, viewer, find="find-badges", label=_("Badges")),
        ),
    )


def _lines(
    model: Any, organization: Organization, viewer: User, *, find: str, label: _StrPromise
) -> list[Line]:
    own = Q(organization=organization)
    all_given = given_to(model, organization)
    given = Q(pk__in=all_given.values("pk"))
    seen = model.objects.for_user(viewer, Action.SEE).filter(own | given).order_by()
    counts = seen.aggregate(own=Count("pk", filter=own), given=Count("pk", filter=given))
    lines = [Line(label=label, count=counts["own"], url=_find(find, organization=organization.pk))]
    if count := all_given.count():
        url = _find(find, available_to=organization.pk) if counts["given"] else ""
        text = _("%(label)s of other organizations") % {"label": label}
        lines.append(Line(label=text, count=count, url=url))
    return lines


def _find(find: str, **asked: int) -> str:
    return f"{reverse(find)}?{urlencode(asked)}"


ORGANIZATION_COUNTS = (badges,)
