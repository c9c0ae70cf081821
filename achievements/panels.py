"""A learner's rewards on her dashboard; for administrators, awards over time and the rules that need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from achievements.models import Achievement
from achievements.over_time import awards_over_time
from achievements.references import problem_of
from achievements.rewards import Participation, badges_of, earned_by, on_display, participation
from badges.lately import LATELY
from badges.sharing.order import shown_to_others
from badges.status import Status
from tms.access import Action, may
from tms.panels import Panel, Place

if TYPE_CHECKING:
    from tms.models import User

SHOWN = 9


def _collects(user: User) -> bool:
    """The home of those who manage others is about these; their own rewards have a page of their own."""
    return participation(user) is Participation.YES and not may(user, Action.MANAGE)


def figures(user: User) -> dict[str, Any] | None:
    if not _collects(user):
        return None
    achievements = earned_by(user, viewer=user).order_by().aggregate(count=Count("pk"), points=Sum("points"))
    badges = (
        on_display(badges_of(user, viewer=user))
        .order_by()
        .aggregate(
            count=Count("pk"),
            to_accept=Count("pk", filter=Q(status=Status.ISSUED, external_state="pending")),
        )
    )
    step = {"step": _("See what to accept"), "step_url": f"{reverse('own-achievements')}#badges"}
    return {
        **(step if badges["to_accept"] else {}),
        "points": achievements["points"] or 0,
        "achievements": achievements["count"],
        "badges": badges["count"],
        "sentence": _sentence(to_accept=badges["to_accept"], achievements=achievements["count"]),
    }


def _sentence(*, to_accept: int, achievements: int) -> str:
    if to_accept:
        text = ngettext(
            "%(count)d badge waits for you to accept it.",
            "%(count)d badges wait for you to accept them.",
            to_accept,
        )
        return text % {"count": to_accept}
    if not achievements:
        return _("Launch a lab or start a course: your first achievement is close.")
    return _("Everything you earn is collected here.")


def rewards(user: User) -> dict[str, Any] | None:
    if not _collects(user):
        return None
    # One more than is shown tells whether there are more.
    badges = list(shown_to_others(on_display(badges_of(user, viewer=user)))[: SHOWN + 1])
    achievements = list(earned_by(user, viewer=user)[: SHOWN + 1])
    return {
        "badges": badges[:SHOWN],
        "more_badges": len(badges) > SHOWN,
        "achievements": achievements[:SHOWN],
        "more_achievements": len(achievements) > SHOWN,
    }


def failing_rules(user: User) -> dict[str, Any] | None:
    """Rules that failed when they were last evaluated, and those that rest: because they kept failing, or
    because what they name is gone."""
    if not may(user, Action.MANAGE):
        return None
    rules = Achievement.objects.for_user(user, Action.MANAGE).filter(~Q(last_error="") | ~Q(gone={}))
    # One more than is shown tells whether there are more.
    shown = [(row, problem_of(row)) for row in rules.order_by("-paused_at", "-last_error_at")[: SHOWN + 1]]
    return {"rules": shown[:SHOWN], "more": len(shown) > SHOWN} if shown else None


def over_time(user: User) -> dict[str, Any] | None:
    """Achievements earned and badges issued, day by day, back from today."""
    if not may(user, Action.MANAGE):
        return None
    return {"plot": awards_over_time(user), "days": LATELY.days}


PANELS = (
    Panel(place=Place.HEAD, template="achievements/_figures.html", read=figures),
    Panel(place=Place.MAIN, template="achievements/_failing_rules.html", read=failing_rules, order=11),
    Panel(place=Place.MAIN, template="achievements/_over_time.html", read=over_time, order=15),
    Panel(place=Place.MAIN, template="achievements/_dashboard.html", read=rewards, order=20),
)
