"""The roster as a table: its columns, what somebody asked of it, and one page of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime, now
from django.utils.translation import gettext_lazy as _

from rosters.held import Held, Live, held_by
from rosters.roster import enrollments_of, roster_badges, roster_learners, with_page
from tms import coursework
from tms.finding.listing import Column, Listing, Question, find
from tms.models import Enrollment

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import QueryDict

    from tms.finding.listing import Found
    from tms.models import Class, User

ON_A_PAGE = 50
ALL, ALL_BUT_CANCELLED = "", "all_but_cancelled"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One student on the roster. `has_page`: the viewer may open the student's own page."""

    enrollment: Enrollment
    held: Sequence[Held]
    is_issuable: bool
    has_page: bool

    @property
    def student(self) -> User:
        return self.enrollment.user

    @property
    def has_completion(self) -> bool:
        return self.enrollment.status == Enrollment.Status.ENROLLED

    @property
    def percent_complete(self) -> int | None:
        percent: int | None = getattr(self.enrollment, "percent_complete", None)
        return percent


def _day(moment: datetime | None) -> str:
    return date_format(localtime(moment), "DATE_FORMAT") if moment else ""


def _percent(row: Row) -> str:
    return "" if row.percent_complete is None else f"{row.percent_complete}%"


COLUMNS = (
    Column(
        name="student",
        label=_("Student"),
        value=lambda row: str(row.student),
        order_by=("user__last_name", "user__first_name"),
    ),
    Column(
        name="email",
        label=_("E-mail"),
        value=lambda row: row.student.email,
        order_by=("user__email",),
    ),
    Column(
        name="organization",
        label=_("Organization"),
        value=lambda row: str(row.student.organization or ""),
        order_by=("user__organization__name",),
    ),
    Column(
        name="enrollment",
        label=_("Enrollment"),
        value=lambda row: row.enrollment.get_status_display(),
        order_by=("status",),
    ),
    Column(
        name="enrolled",
        label=_("Enrolled on"),
        value=lambda row: _day(row.enrollment.enrolled_at),
        order_by=("enrolled_at",),
    ),
    Column(
        name="completion",
        label=_("Completion"),
        value=lambda row: row.enrollment.get_completion_status_display() if row.has_completion else "",
        order_by=("completion_status",),
    ),
    Column(
        name="completed",
        label=_("Completed on"),
        value=lambda row: _day(row.enrollment.completed_at),
        order_by=("completed_at",),
    ),
    Column(name="percent", label=_("PercentComplete"), value=_percent, order_by=("percent_complete",)),
    Column(name="badges", label=_("Badges"), value=lambda row: "; ".join(held.text for held in row.held)),
)
NAMES = [column.name for column in COLUMNS]
ENROLLMENT_FILTERS = (
    (ALL, _("All")),
    (ALL_BUT_CANCELLED, _("All But Cancelled")),
    *Enrollment.Status.choices,
)
COMPLETION_FILTERS = ((ALL, _("All")), *Enrollment.Completion.choices)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Filters and order, as an address tells them. What it tells wrongly is as if it were not there."""

    enrollment: str = ALL
    completion: str = ALL
    question: Question = field(default_factory=Question)

    @classmethod
    def of(cls, given: QueryDict) -> Asked:
        enrollment, completion = given.get("enrollment", ALL), given.get("completion", ALL)
        return cls(
            enrollment=enrollment if enrollment in dict(ENROLLMENT_FILTERS) else ALL,
            completion=completion if completion in dict(COMPLETION_FILTERS) else ALL,
            question=replace(Question.of(given), search=""),
        )

    def narrow(self, enrollments: QuerySet[Enrollment]) -> QuerySet[Enrollment]:
        if self.enrollment == ALL_BUT_CANCELLED:
            enrollments = enrollments.exclude(status=Enrollment.Status.CANCELLED)
        elif self.enrollment:
            enrollments = enrollments.filter(status=self.enrollment)
        if self.completion:
            enrollments = enrollments.filter(
                status=Enrollment.Status.ENROLLED, completion_status=self.completion
            )
        return enrollments


def usual_columns(training_class: Class, *, viewer: User) -> list[str]:
    """Completion is of interest once the class has begun, and the percentage once there is one."""
    usual = ["student", "organization", "enrollment"]
    if training_class.starts_at <= now():
        usual.append("completion")
    enrollments = coursework.with_percent_complete(enrollments_of(training_class, viewer=viewer))
    if enrollments.filter(Q(percent_complete__gt=0)).exists():
        usual.append("percent")
    return [*usual, "badges"]


def counters(training_class: Class, *, viewer: User) -> list[tuple[object, object]]:
    """How many of those whom this person sees are in each status, as the roster names them."""
    rows = enrollments_of(training_class, viewer=viewer).order_by().values_list("status")
    counts = dict(rows.annotate(Count("pk")))
    status = Enrollment.Status
    order = (
        status.ENROLLED,
        status.REQUESTED,
        status.CANCELLED,
        status.WAIT_LISTED,
        status.APPROVED,
        status.DENIED,
        status.AUDIT,
    )
    return [
        (_("Minimum"), training_class.minimum),
        (_("Maximum"), "–" if training_class.maximum is None else training_class.maximum),
        *((each.label, counts.get(each, 0)) for each in order),
    ]


@dataclass(frozen=True, kw_only=True)
class Table:
    """The roster of a class as one person sees it, with the columns that were chosen."""

    training_class: Class
    viewer: User
    asked: Asked
    columns: Sequence[str]

    @property
    def listing(self) -> Listing:
        shown = tuple(column for column in COLUMNS if column.name in self.columns)
        return Listing(
            columns=shown,
            searched=(),
            order_by=("user__last_name", "user__first_name"),
            page_size=ON_A_PAGE,
        )

    @cached_property
    def found(self) -> Found:
        enrollments = enrollments_of(self.training_class, viewer=self.viewer)
        rows = self.asked.narrow(coursework.with_percent_complete(enrollments))
        return find(self.listing, rows, self.asked.question)

    @cached_property
    def rows(self) -> list[Row]:
        """Those of the page that was asked for."""
        return self.rows_of(self.found.page.object_list)

    def rows_of(self, enrollments: Iterable[Enrollment]) -> list[Row]:
        """In a number of queries that does not depend on theirs."""
        enrollments = list(enrollments)
        learners = [enrollment.user_id for enrollment in enrollments]
        held = held_by(learners, training_class=self.training_class, viewer=self.viewer)
        pages = with_page(learners, viewer=self.viewer)
        issuable = self._issuable(enrollments)
        return [
            Row(
                enrollment=enrollment,
                held=held.get(enrollment.user_id, []),
                is_issuable=enrollment.pk in issuable,
                has_page=enrollment.user_id in pages,
            )
            for enrollment in enrollments
        ]

    def _issuable(self, enrollments: Iterable[Enrollment]) -> set[int]:
        if not self.has_badges:
            return set()
        learners = roster_learners(self.training_class, viewer=self.viewer)
        return set(
            learners.order_by().filter(pk__in=[row.pk for row in enrollments]).values_list("pk", flat=True)
        )

    @cached_property
    def has_badges(self) -> bool:
        return roster_badges(self.training_class, viewer=self.viewer).exists()

    @property
    def live(self) -> Live:
        return Live({row.enrollment.pk: row.held for row in self.rows})


def choose_columns(given: QueryDict, remembered: Any) -> list[str] | None:
    """The columns that somebody chose, now or before; None for the usual ones."""
    if "columns_chosen" in given:
        chosen = given.getlist("column")
    elif isinstance(remembered, list):
        chosen = remembered
    else:
        return None
    return [name for name in NAMES if name == "student" or name in chosen]
