"""Public signals for those who embed this product. Nothing of ours listens to them.

Sent with `send_robust` after the transaction that recorded the fact: a listener that fails is logged and
changes nothing. A process killed between commit and sending sends nothing; a listener that must not miss
one reads the issued badges instead.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.dispatch import Signal

from badges.models import IssuedBadge

log = logging.getLogger(__name__)

# Arguments: issued_badge (badges.models.IssuedBadge, queued). The provider has not been asked yet.
badge_awarded = Signal()
# Arguments: issued_badge, with external_uuid and external_state. The provider has it.
badge_issued = Signal()


def announce(signal: Signal, ids: Sequence[int]) -> None:
    """Tell the public signal's listeners of these rows; nothing is read when nobody listens."""
    if not signal.has_listeners(IssuedBadge):
        return
    for start in range(0, len(ids), 500):
        rows = IssuedBadge.objects.filter(pk__in=ids[start : start + 500])
        for row in rows.select_related("badge__badge_provider", "learner"):
            for receiver, answer in signal.send_robust(sender=IssuedBadge, issued_badge=row):
                if isinstance(answer, Exception):
                    log.error("%r failed for issued badge %s", receiver, row.pk, exc_info=answer)
