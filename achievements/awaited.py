"""How many badges are issued once a badge is active: what badges.activation foresees of it."""

from __future__ import annotations

from achievements.intents import count_awaiting

AWAITED = (count_awaiting,)
