"""What the evaluation keeps about itself and about those who looked, for some time and not for ever.

Awards are kept, with the version of the rule that they were earned by.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from achievements.models import Begun, Look, RuleRun
from tms import forgetting

# A night's pass logs every rule for every chunk of learners.
KEPT_IN_VAIN = timedelta(days=30)
KEPT = timedelta(days=365)
MOST_RUNS = 500_000  # in one night
# Longer than progress is kept up to date for whom nobody looks at (achievements.progress.looks.LATELY).
LOOKED_AT = timedelta(days=60)


def forget(*, now: datetime | None = None) -> int:
    """Delete old runs of rules, those that came to nothing sooner, and the progress of those at whom nobody
    has looked for long: it is worked out anew when somebody does. How many rows."""
    now = now or timezone.now()
    runs = RuleRun.objects.all()
    in_vain = runs.filter(awarded=0, error="", started_at__lt=now - KEPT_IN_VAIN)
    unseen = Look.objects.filter(looked_at__lt=now - LOOKED_AT)
    return (
        forgetting.delete(in_vain, most=MOST_RUNS)
        + forgetting.delete(runs.filter(started_at__lt=now - KEPT))
        + forgetting.delete(unseen)
        + forgetting.delete(Begun.objects.filter(learner__look=None))
    )
