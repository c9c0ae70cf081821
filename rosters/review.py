"""What would come of a selection if it were issued now, and what of it would be refused."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from badges.issuing import Pair, foresee
from badges.models import Badge
from badges.refusals import Among
from rosters.roster import enrollments_of, roster_among
from tms.access import Action

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rosters.selection import Selection
    from tms.models import Class, Enrollment, User


@dataclass(frozen=True)
class Refusal:
    """One reason, and the badges that it keeps from a student; `is_all` where none of them is left."""

    message: str
    badges: tuple[Badge, ...]
    is_all: bool


@dataclass(frozen=True)
class Student:
    enrollment: Enrollment
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class Review:
    """`refused` are the pairs of badge and learner that would be refused now, with the reason."""

    badges: list[Badge]
    enrollments: list[Enrollment]
    refused: dict[tuple[int, int], str]

    @property
    def total(self) -> int:
        return len(self.badges) * len(self.enrollments)

    @property
    def to_issue(self) -> int:
        return self.total - len(self.refused)

    @cached_property
    def students(self) -> list[Student]:
        """Those about whom there is something to say come first."""
        students = [Student(enrollment, tuple(self._refusals(enrollment))) for enrollment in self.enrollments]
        return sorted(students, key=lambda student: not student.refusals)

    @cached_property
    def in_vain(self) -> list[int]:
        """The enrolments of those who would get none of the badges."""
        return [
            enrollment.pk
            for enrollment in self.enrollments
            if self.badges and all((badge.pk, enrollment.user_id) in self.refused for badge in self.badges)
        ]

    def _refusals(self, enrollment: Enrollment) -> Iterable[Refusal]:
        reasons: dict[str, list[Badge]] = defaultdict(list)
        for badge in self.badges:
            if message := self.refused.get((badge.pk, enrollment.user_id)):
                reasons[message].append(badge)
        for message, badges in reasons.items():
            yield Refusal(message, tuple(badges), is_all=len(badges) == len(self.badges))


def review(selection: Selection, training_class: Class, *, viewer: User) -> Review:
    """Whoever is not on the roster any more, and badges that are not of this place, are left out."""
    badges, enrollments = chosen(selection, training_class, viewer=viewer)
    among: Among = roster_among(training_class, viewer=viewer)
    pairs = [Pair(badge=badge, learner=enrollment.user) for badge in badges for enrollment in enrollments]
    refused = foresee(pairs, actor=viewer, among=among)
    return Review(badges, enrollments, {key: message for key, (_code, message) in refused.items()})


def chosen(
    selection: Selection, training_class: Class, *, viewer: User
) -> tuple[list[Badge], list[Enrollment]]:
    """The rows of a selection, also those that cannot be issued, or issued to, any more: it is told why."""
    badges = (
        Badge.objects.for_user(viewer, Action.TEACH)
        .filter(pk__in=selection.badges, organization=training_class.organization_id)
        .select_related("badge_provider")
        .defer("badge_provider__token", "badge_provider__webhook_secret")
    )
    wanted = set(selection.enrollments)
    on_roster = enrollments_of(training_class, viewer=viewer).select_related("training_class")
    places = {pk: place for place, pk in enumerate(selection.badges)}
    return (
        sorted(badges, key=lambda badge: places[badge.pk]),
        [enrollment for enrollment in on_roster if enrollment.pk in wanted] if wanted else [],
    )
