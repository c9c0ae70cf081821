"""How long somebody who asked for badges is asked to stay, and how often a page asks what became of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from badges.models import IssuingAct

PATIENCE = timedelta(seconds=20)
# Seconds between two looks of a page that nobody is asked to stay on.
WHILE_LEFT = 10


def is_over(act: IssuingAct) -> bool:
    return timezone.now() - act.created_at > PATIENCE
