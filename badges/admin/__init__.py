"""Badges, what was issued, and the accounts behind it in the back office: a module for each topic."""

from badges.admin import accounts, acts, catalogue, differences, events, issued_badges

__all__ = ["accounts", "acts", "catalogue", "differences", "events", "issued_badges"]
