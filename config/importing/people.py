"""organizations.csv and users.csv."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from config.importing import cells
from config.importing.columns import EXTERNAL_ID, NAME, optional, possibly_empty, required
from config.importing.sheet import Draft, Sheet, validate
from tms import gates
from tms.access import Role
from tms.models import Organization, RoleAssignment, User


class Organizations(Sheet[Organization]):
    name = "organizations"
    model = Organization
    waits = True  # for the parent
    batch = 1
    columns = (
        EXTERNAL_ID,
        NAME,
        optional("parent", empty=None, refers_to=Organization),
        optional("time_zone", cells.time_zone),
        optional("enable_achievements", cells.boolean),
        optional("participate_in_global_achievements", cells.boolean),
    )

    def store(self, drafts: Sequence[Draft[Organization]]) -> None:
        for draft in drafts:
            gates.save_organization(draft.fact, said=draft.values)


class Users(Sheet[User]):
    """New users have no password: they get one by a reset, or sign in elsewhere."""

    name = "users"
    model = User
    columns = (
        EXTERNAL_ID,
        required("email", cells.email),
        possibly_empty("first_name"),
        possibly_empty("last_name"),
        required("organization", refers_to=Organization),
        optional("time_zone", cells.time_zone, empty=""),
        optional("language", cells.language, empty=""),
        optional("participate_in_achievements", cells.boolean, field=""),
        optional("roles", cells.many_of(Role), field="", empty=frozenset()),
        optional("is_disabled", cells.boolean, field=""),
    )

    def stored(self) -> models.QuerySet[User]:
        # Locked, so that nobody opts out between the look and the write.
        users = super().stored().select_for_update(of=("self",)).order_by("pk")
        return users.prefetch_related("role_assignments")

    def stored_lists(self, row: User) -> dict[str, frozenset[Any]]:
        return {"roles": frozenset(held.role for held in row.role_assignments.all())}

    def apply(self, draft: Draft[User]) -> None:
        super().apply(draft)
        if "is_disabled" in draft.values:
            draft.fact.is_active = not draft.values["is_disabled"]
        if "roles" in draft.values:
            draft.lists["roles"] = draft.values["roles"]
        if "participate_in_achievements" in draft.values and draft.fact.opted_out_at is None:
            draft.fact.participate_in_achievements = draft.values["participate_in_achievements"]

    def check(self, drafts: Sequence[Draft[User]]) -> None:
        holders = {
            email: (pk, external_id)
            for email, pk, external_id in User.objects.filter(
                email__in=[draft.fact.email for draft in drafts]
            ).values_list("email", "pk", "external_id")
        }
        for draft in drafts:
            validate(draft, columns=self.columns)
            _claim_email(draft, holders)

    def store(self, drafts: Sequence[Draft[User]]) -> None:
        before = {draft.before.pk: draft.before for draft in drafts if draft.before}
        gates.store_users([draft.fact for draft in drafts], before=before)
        _store_roles([draft for draft in drafts if draft.changed_lists])


def _claim_email(draft: Draft[User], holders: dict[str, tuple[int | None, str | None]]) -> None:
    holder = holders.get(draft.fact.email)
    if holder is None:
        holders[draft.fact.email] = (draft.fact.pk, draft.entry.external_id)
    elif holder != (draft.fact.pk, draft.entry.external_id):
        message = (
            _("Another user, %(holder)s, has this e-mail address.") % {"holder": cells.shown(holder[1])}
            if holder[1]
            else _("Another user, who has no external ID, has this e-mail address.")
        )
        draft.entry.refuse(message, column="email")


def _store_roles(drafts: Sequence[Draft[User]]) -> None:
    """Give and take roles. One that is held with a start or an end and is named again stays as it is."""
    taken = [
        held.pk
        for draft in drafts
        if draft.before
        for held in draft.before.role_assignments.all()
        if held.role not in draft.lists["roles"]
    ]
    RoleAssignment.objects.filter(pk__in=taken).delete()
    RoleAssignment.objects.bulk_create(
        RoleAssignment(user=draft.fact, role=role)
        for draft in drafts
        for role in sorted(draft.lists["roles"] - draft.lists_before.get("roles", frozenset()))
    )
