"""Writing down what people are to be told, in the transaction of the news (next: gathering.gather)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from tms.access import Role
from tms.models import Notification, Organization, RoleAssignment, User

# What gathers and sends, for tms.hint.
NOTIFY = "tms.notify"


def tell(pairs: Iterable[tuple[int, int]], *, kind: Notification.Kind, occasion: str | datetime = "") -> None:
    """Tell people of things, each pair a user and the id of the thing; whoever has been told is not told
    again, unless it is on another occasion."""
    name = occasion if isinstance(occasion, str) else occasion.isoformat(timespec="seconds")
    now = timezone.now()
    rows = [
        Notification(user_id=user, kind=kind, key=key, occasion=name, created_at=now) for user, key in pairs
    ]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)


def tell_administrators(
    owners: Mapping[int, int], *, kind: Notification.Kind, occasion: str | datetime
) -> None:
    """Tell those who manage things, given as the organization of each by the thing's id: its own
    administrators or, where it has none, those of the nearest organization above that has."""
    pairs: list[tuple[int, int]] = []
    asked = dict(owners)
    while asked:
        people = _administrators(set(asked.values()))
        pairs += [(person, key) for key, owner in asked.items() for person in people[owner]]
        above = dict(Organization.objects.filter(pk__in=asked.values()).values_list("pk", "parent"))
        asked = {
            key: parent
            for key, owner in asked.items()
            if not people[owner] and (parent := above.get(owner)) is not None
        }
    tell(pairs, kind=kind, occasion=occasion)


def _administrators(organizations: set[int]) -> dict[int, list[int]]:
    """Those who belong to exactly these organizations, by organization."""
    in_force = RoleAssignment.objects.in_force(timezone.now()).filter(role=Role.ADMINISTRATOR)
    found = User.objects.filter(
        pk__in=in_force.values("user"), organization__in=organizations, is_active=True
    ).order_by("pk")
    people: dict[int, list[int]] = defaultdict(list)
    for organization, person in found.values_list("organization", "pk"):
        people[organization].append(person)
    return people


def waiting() -> QuerySet[Notification]:
    """What is neither bound to a mail nor says why no mail tells it."""
    return Notification.objects.filter(mail__isnull=True, sent_at__isnull=True, unmailed="")
