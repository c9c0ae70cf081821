"""Making an achievement live: saved and, in the same transaction, told as somebody chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from achievements import backfill
from achievements.authoring import save_achievement
from achievements.models import Backfill
from badges.issuing import problem_of_silence

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from achievements.models import Achievement
    from tms.models import User

# What each way of telling comes to, for whoever chooses.
EXPLAINED: dict[str, _StrPromise] = {
    Backfill.Notification.SUMMARY: _(
        "One message, however much each of them gets. The provider tells of badges."
    ),
    Backfill.Notification.NORMAL: _("As if everything had been earned just now."),
    Backfill.Notification.SILENT: _("No message of ours, and the provider is asked for none."),
}
ORDER = (Backfill.Notification.SUMMARY, Backfill.Notification.NORMAL, Backfill.Notification.SILENT)


def save_and_tell(achievement: Achievement, *, notification: str, actor: User) -> Backfill | None:
    """Save; the look at everybody that this asks for tells learners in the way that was chosen, if one was.

    None where nobody is looked at: then saving led to nothing but badges for those who had earned it, or the
    schedule begins the look by itself.
    """
    with transaction.atomic():
        save_achievement(achievement, actor=actor)
        if notification not in Backfill.Notification.values or not achievement.full_run_due_at:
            return None
        return backfill.start(achievement, notification=Backfill.Notification(notification), actor=actor)


def ways_to_tell(achievement: Achievement) -> list[tuple[str, str, _StrPromise, str]]:
    """Each value with its name, what it comes to, and why it cannot be chosen, if so."""
    silence = problem_of_silence(achievement.badge) if achievement.badge else ""
    problems = {Backfill.Notification.SILENT: silence}
    return [(way.value, str(way.label), EXPLAINED[way], problems.get(way, "")) for way in ORDER]
