"""A badge's profile: what it is, whom it was issued to, and turning it on and off.

What leads to a badge is known to the apps above: each offers, as BADGE_PANELS in its module `badge_panels`,
what it shows on this page, and as AWAITED in its module `awaited`, how many wait for an inactive badge.
"""
