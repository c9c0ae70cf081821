"""What becomes of somebody's progress when the account is closed. What was earned stays, as a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils.translation import ngettext

from achievements.models import Begun, EarnedAchievement, Look
from tms.closing import Part

if TYPE_CHECKING:
    from tms.models import User


def _foresee(user: User) -> Iterator[str]:
    if count := EarnedAchievement.objects.filter(learner=user, withdrawn_at__isnull=True).count():
        yield ngettext(
            "%(count)d earned achievement stays as a number, without a name.",
            "%(count)d earned achievements stay as numbers, without a name.",
            count,
        ) % {"count": count}


def _close(user: User) -> None:
    Look.objects.filter(learner=user).delete()
    Begun.objects.filter(learner=user).delete()


CLOSING = [Part(foresee=_foresee, close=_close)]
