"""Whether a badge's provider writes to its earner, so that we do not tell the same by mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from badges.status import Status
from providers.registry import adapter_class

if TYPE_CHECKING:
    from badges.models import IssuedBadge

# Nothing of it reached the provider, or will without somebody's help.
_NOT_THERE = frozenset({Status.FAILED, Status.CANCELLED})


def provider_writes(issued: IssuedBadge) -> bool:
    """Credly and Accredible write of each badge they issue, unless they are asked for silence; nobody does
    of one that they had already, that cannot be sent, or of a kind without a provider outside."""
    if issued.suppress_notification or issued.already_there or issued.status in _NOT_THERE:
        return False
    return adapter_class(issued.badge.badge_provider.kind) is not None
