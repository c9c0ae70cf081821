"""How long somebody who asked for badges is asked to stay, and how often a page asks what became of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from badges.models import IssuingAct

PATIENCE = timedelta(seconds=20)
# Seconds between two looks once nobody is asked to stay, and where somebody has to do something first.
WHILE_LEFT, WHILE_HELD = 10, 60


def is_over(act: IssuingAct) -> bool:
    return timezone.now() - act.created_at > PATIENCE


def interval(act: IssuingAct, *, at_first: int, is_held: bool) -> int:
    """Seconds until a page asks again. `is_held`: nothing of the act moves before somebody does something."""
    if is_held:
        return WHILE_HELD
    return WHILE_LEFT if is_over(act) else at_first
