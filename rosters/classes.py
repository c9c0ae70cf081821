"""Finding a class among those that a person teaches or administers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, TextChoices
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rosters.roster import TAKING_PART, classes_of
from tms.access import Action
from tms.finding.listing import WORDS
from tms.models import Class, Enrollment

if TYPE_CHECKING:
    from tms.models import User


class When(TextChoices):
    """Which classes, by their time."""

    ALL = "all", _("All")
    RUNNING = "running", _("Running now")
    TO_COME = "to_come", _("To come")
    PAST = "past", _("Past")

    @property
    def rows(self) -> Q:
        now = timezone.now()
        return {
            When.ALL: Q(),
            When.RUNNING: Q(starts_at__lte=now, ends_at__gte=now),
            When.TO_COME: Q(starts_at__gt=now),
            When.PAST: Q(ends_at__lt=now),
        }[self]


def found(user: User, *, when: When = When.ALL, text: str = "") -> QuerySet[Class]:
    """Those whose name, course or organization has all words of `text`; with `students`: how many of those
    whom this person sees take part."""
    classes = classes_of(user).filter(when.rows)
    for word in text.replace("\0", " ").split()[:WORDS]:
        classes = classes.filter(
            Q(name__icontains=word) | Q(course__name__icontains=word) | Q(organization__name__icontains=word)
        )
    students = (
        Enrollment.objects.for_user(user, Action.TEACH)
        .filter(training_class=OuterRef("pk"), status__in=TAKING_PART)
        .order_by()
        .values("training_class")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return classes.annotate(students=Coalesce(Subquery(students, output_field=IntegerField()), 0))
