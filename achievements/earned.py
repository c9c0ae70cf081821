"""Which issued badges an award rests on: what undoes an act by hand leaves those (badges.undoing)."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from achievements.models import EarnedAchievement

EARNED = (Exists(EarnedAchievement.objects.filter(issued_badge=OuterRef("pk"), withdrawn_at=None)),)
