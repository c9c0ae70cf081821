"""What can be issued, the life of each issued badge, and what providers say of it."""

from badges.models.acts import ActOutcome, IssuingAct, IssuingList
from badges.models.badges import Badge, BadgeArtwork
from badges.models.comparisons import Comparison, Difference
from badges.models.issued_badges import AccredibleBadge, CredlyBadge, IssuedBadge, IssuingEvent
from badges.models.presentations import BadgePresentation
from badges.models.provider_events import ProviderEvent
from badges.models.synchronizations import Synchronization

__all__ = [
    "AccredibleBadge",
    "ActOutcome",
    "Badge",
    "BadgeArtwork",
    "BadgePresentation",
    "Comparison",
    "CredlyBadge",
    "Difference",
    "IssuedBadge",
    "IssuingAct",
    "IssuingEvent",
    "IssuingList",
    "ProviderEvent",
    "Synchronization",
]
