"""Public signals for those who embed this product. Nothing of ours listens to them.

Sent with `send_robust` after the transaction that recorded the fact: a listener that fails is logged and
changes nothing. A process killed between commit and sending sends nothing; a listener that must not miss
one reads the issued badges instead.
"""

from __future__ import annotations

from django.dispatch import Signal

# Arguments: issued_badge (badges.models.IssuedBadge, queued). The provider has not been asked yet.
badge_awarded = Signal()
# Arguments: issued_badge, with external_uuid and external_state. The provider has it.
badge_issued = Signal()
