"""Old news: what people were told is in their list for a year, and so long it is known how they were told."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from tms import forgetting
from tms.models import Mail, Notification

KEPT = timedelta(days=365)


def forget(*, now: datetime | None = None) -> int:
    """Delete older notifications, and the mails that tell none any more; how many rows.

    A notification that waits for its mail has long become old news by then (tms.notifying.gathering).
    """
    before = (now or timezone.now()) - KEPT
    told = forgetting.delete(Notification.objects.filter(created_at__lt=before))
    ended = Mail.objects.filter(created_at__lt=before).exclude(state=Mail.State.WAITING)
    return told + forgetting.delete(ended.filter(notifications=None))
