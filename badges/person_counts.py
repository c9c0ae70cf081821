"""What became of a user's badges, in numbers, for the user's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from badges.addresses import issued_badges
from badges.models import IssuedBadge
from badges.status import Status
from tms.access import Action
from tms.profiles.counts import Counts, Line

if TYPE_CHECKING:
    from tms.models import User


def issued(person: User, viewer: User) -> Counts:
    rows = IssuedBadge.objects.for_user(viewer, Action.SEE).filter(learner=person).order_by()
    counts = dict(rows.values_list("status").annotate(Count("pk")))
    return Counts(
        name="issued",
        title=_("Issued Badges"),
        lines=[
            Line(
                label=status.label,
                count=counts[status],
                url=issued_badges(student=person.pk, status=status.value),
                status=status.value,
            )
            for status in Status
            if status in counts
        ],
        empty=_("None yet."),
    )


PERSON_COUNTS = (issued,)
