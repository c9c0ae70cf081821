"""How far learners are with one achievement, asked when somebody looks and never stored.

Progress changes with every fact, so a stored table of everybody would have to be written for each learner and
each rule whenever anything is learned: far more work than anybody reads, in front of the awards that must be
on time. (Of learners at whom somebody looks it is stored: working_out.) Here it is asked for one achievement,
which the page requires, by a subquery for each learner that is shown. PostgreSQL evaluates it for the rows of
one page alone. Only who sorts by it, or filters by percent, has all learners within reach looked at;
"Begun" reads the records that count for the rule once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import (
    Case,
    DateTimeField,
    FloatField,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from achievements.conditions.counted import EVERYBODY, Scope
from achievements.conditions.partial import shares
from achievements.models import EarnedAchievement
from tms.finds import users
from tms.models import User
from tms.sql import sql

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from achievements.conditions.query import ActiveRule

# The learner of the row that a subquery stands in.
_THIS = Scope(expression=f"{User._meta.db_table}.id")


def nobody() -> QuerySet[Any]:
    """The rows of a page that no achievement was chosen for."""
    rows: QuerySet[Any] = User.objects.none().annotate(
        percent=Value(0.0, FloatField()),
        met=Value(0, IntegerField()),
        earned_at=Value(None, DateTimeField()),
        achievement_id=Value(0, IntegerField()),
    )
    return rows


def learners(active: ActiveRule, *, viewer: User) -> QuerySet[Any]:
    """Who may earn it or has, within the viewer's reach, with `percent`, `met` (parts of the rule) and
    `earned_at`."""
    achievement = active.achievement
    earned = EarnedAchievement.objects.filter(
        learner=OuterRef("pk"), achievement=achievement, withdrawn_at__isnull=True
    ).order_by("occurrence")
    rows = users(viewer).annotate(
        earned_at=Subquery(earned.values("earned_at")[:1]),
        achievement_id=Value(achievement.pk, IntegerField()),
    )
    rows = rows.filter(Q(earned_at__isnull=False) | _may_earn(active))
    found: QuerySet[Any] = rows.annotate(
        percent=Case(
            When(earned_at__isnull=False, then=Value(100.0)),
            default=_told(active, "share * 100", FloatField()),
            output_field=FloatField(),
        ),
        met=_told(active, "met", IntegerField()),
    )
    return found


def _inside(active: ActiveRule) -> Q:
    achievement = active.achievement
    inside = Q(organization=achievement.organization_id)
    if achievement.is_global:
        inside |= Q(organization__participate_in_global_achievements=True)
    return inside


def _may_earn(active: ActiveRule) -> Q:
    """The gates of a learner and her organization (conditions.query.GATES)."""
    taking_part = Q(
        is_active=True,
        participate_in_achievements=True,
        opted_out_at__isnull=True,
        organization__enable_achievements=True,
    )
    return taking_part if True in active.kinds_of_learners else taking_part & _inside(active)


def _told(active: ActiveRule, column: str, kind: Any) -> Any:
    inside, *outside = [
        _scalar(active, column, kind, outside=outside) for outside in active.kinds_of_learners
    ]
    if not outside:
        return inside
    return Case(When(_inside(active), then=inside), default=outside[0], output_field=kind)


def _scalar(active: ActiveRule, column: str, kind: Any, *, outside: bool) -> Coalesce:
    if not active.rule.conditions:
        return Coalesce(Value(0), 0, output_field=kind)
    found = shares(active, scope=_THIS, outside=outside)
    statement = sql(f"(SELECT {column} FROM ({{}}) AS told)", found)
    return Coalesce(RawSQL(statement.text, statement.parameters, kind), 0, output_field=kind)  # noqa: S611


def begun(active: ActiveRule) -> Q:
    """Who has anything that counts, or has earned it."""
    if not active.rule.conditions:
        return Q(earned_at__isnull=False)
    found = Q(earned_at__isnull=False)
    for outside in active.kinds_of_learners:
        statement = sql(
            "SELECT learner_id FROM ({}) AS told", shares(active, scope=EVERYBODY, outside=outside)
        )
        anything = Q(pk__in=RawSQL(statement.text, statement.parameters))  # noqa: S611
        found |= anything & (~_inside(active) if outside else _inside(active))
    return found
