"""**Badge Progress** as a Find page: its columns and filters, for the achievement that was chosen."""

from __future__ import annotations

from functools import partial
from math import floor
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from achievements.conditions.language import Condition
from achievements.listing import CHOOSE_ACHIEVEMENTS, achievements
from achievements.progress.learners import begun, learners, nobody
from tms.finding.filters import Moment, Number, Reference, Text, YesNo
from tms.finding.listing import Column, Listing, plain
from tms.finding.search import FindPage
from tms.finds import CHOOSE_USERS, belongs_to, users

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from achievements.conditions.query import ActiveRule
    from tms.models import User

NAME = "badge-progress"


def with_badge(viewer: User) -> QuerySet[Any]:
    return achievements(viewer).filter(badge__isnull=False)


def percent(row: Any) -> int:
    """Whole; 100 only where nothing is missing, whatever thirds add up to."""
    return floor(float(row.percent) + 1e-6)


def progress_page(active: ActiveRule | None = None, *, may_explain: bool = False) -> FindPage:
    """The page for one achievement; without, it asks for one."""
    return FindPage(
        name=NAME,
        title=gettext_lazy("Badge Progress"),
        listing=_listing(active),
        rows=partial(_rows, active),
        filters=(
            Reference(
                name="achievement",
                label=gettext_lazy("Achievement"),
                rows=with_badge,
                listing=CHOOSE_ACHIEVEMENTS,
                title=gettext_lazy("Choose Achievement"),
                condition=lambda ids: Q(achievement_id__in=ids),
                many=False,
            ),
            YesNo(name="earned", label=gettext_lazy("Earned"), condition=Q(earned_at__isnull=False)),
            YesNo(name="begun", label=gettext_lazy("Begun"), condition=begun(active) if active else Q()),
            Number(name="percent", label=gettext_lazy("Percent"), field="percent"),
            Reference(
                name="student",
                label=gettext_lazy("Student"),
                rows=users,
                listing=CHOOSE_USERS,
                title=gettext_lazy("Choose Student(s)"),
                condition=lambda ids: Q(pk__in=ids),
            ),
            Text(name="student_name", label=gettext_lazy("Student Name"), fields=("first_name", "last_name")),
            belongs_to("organization"),
            Moment(name="earned_at", label=gettext_lazy("Date earned"), field="earned_at", nullable=True),
        ),
        shown=("student", "progress", "percent", "earned", "organization"),
        opened=("achievement",),
        empty=gettext_lazy("Choose an achievement above to see how far its learners are."),
        icon="chart-no-axes-column",
        row_actions="achievements/progress/_explain.html" if may_explain else "",
        is_everywhere=False,
    )


def _rows(active: ActiveRule | None, viewer: User) -> QuerySet[Any]:
    return learners(active, viewer=viewer) if active else nobody()


def _listing(active: ActiveRule | None) -> Listing:
    return Listing(
        columns=(
            Column(
                name="student",
                label=gettext_lazy("Student"),
                value=str,
                order_by=("last_name", "first_name"),
                template="tms/finding/_user.html",
                group=gettext_lazy("Student"),
            ),
            Column(
                name="badge",
                label=gettext_lazy("Badge"),
                value=lambda row: str(active.achievement.badge) if active else "",
                group=gettext_lazy("Achievement"),
            ),
            Column(
                name="achievement",
                label=gettext_lazy("Achievement"),
                value=lambda row: str(active.achievement) if active else "",
                group=gettext_lazy("Achievement"),
            ),
            Column(
                name="progress",
                label=gettext_lazy("Progress"),
                value=partial(_in_words, active),
                order_by=("percent",),
                group=gettext_lazy("Progress"),
            ),
            Column(
                name="percent",
                label=gettext_lazy("Percent"),
                value=percent,
                order_by=("percent",),
                template="achievements/progress/_percent.html",
                group=gettext_lazy("Progress"),
            ),
            plain("earned_at", gettext_lazy("Earned"), name="earned", group=gettext_lazy("Progress")),
            Column(
                name="organization",
                label=gettext_lazy("Organization"),
                value=lambda row: str(row.organization or ""),
                order_by=("organization__name",),
                group=gettext_lazy("Student"),
            ),
            plain("email", gettext_lazy("E-mail"), group=gettext_lazy("Student")),
            plain("pk", gettext_lazy("ID"), name="id"),
        ),
        searched=("first_name", "last_name", "email"),
        order_by=("last_name", "first_name"),
    )


def _in_words(active: ActiveRule | None, row: Any) -> str:
    """Of a rule of one condition how much there is; of others how many of its parts are met."""
    if active is None or not active.rule.conditions:
        return ""
    if row.earned_at:
        return _("Earned")
    parts = active.rule.conditions
    if len(parts) == 1 and isinstance(parts[0], Condition):
        have = round(row.percent * parts[0].needed / 100)
        return _("%(have)d of %(need)d") % {"have": have, "need": parts[0].needed}
    text = ngettext("%(met)d of %(all)d condition", "%(met)d of %(all)d conditions", len(parts))
    return text % {"met": row.met, "all": len(parts)}


PROGRESS_PAGE = progress_page()
