"""The forms of what an organization may let organizations below it use: an account, a badge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from tms.access import Action
from tms.models import Organization
from tms.sections import EntityForm, Section

if TYPE_CHECKING:
    from tms.models import User

AVAILABILITY = Section(
    name="availability", label=_("Availability"), fields=("available_to",), template="_availability.html"
)


@dataclass(frozen=True, kw_only=True)
class Below:
    """An organization to choose. `above` are the ids of those over it, and `depth` is how many."""

    organization: Organization
    above: tuple[int, ...]
    is_chosen: bool

    @property
    def depth(self) -> int:
        return len(self.above)


class SharedForm(EntityForm):
    """Has an `organization`, by default its user's own, and `available_to`, both among those that the user
    manages. That the one is below the other is checked where it is stored."""

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        managed = Organization.objects.for_user(user, Action.MANAGE)
        owner: Any = self.fields["organization"]
        owner.queryset, owner.empty_label = managed, None
        self.initial["organization"] = self.initial.get("organization") or user.organization_id
        users: Any = self.fields["available_to"]
        users.queryset = managed
        if self.instance.pk:
            self._keep_present_choices()

    @cached_property
    def below(self) -> list[Below]:
        """Whom it may be made available to, each after the one over it."""
        chosen = {str(getattr(each, "pk", each)) for each in self["available_to"].value() or ()}
        users: Any = self.fields["available_to"]
        known = {row.pk: row for row in users.queryset.order_by("name", "pk")}
        children: dict[int | None, list[Organization]] = {}
        for row in known.values():
            children.setdefault(row.parent_id if row.parent_id in known else None, []).append(row)
        found: list[Below] = []
        ahead: list[tuple[Organization, tuple[int, ...]]] = [
            (row, ()) for row in reversed(children.get(None, []))
        ]
        while ahead:
            row, above = ahead.pop()
            if above:
                found.append(Below(organization=row, above=above, is_chosen=str(row.pk) in chosen))
            ahead += [(child, (*above, row.pk)) for child in reversed(children.get(row.pk, []))]
        return found
