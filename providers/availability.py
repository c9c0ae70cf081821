"""Which organizations below may use an account for their badges, or a badge for their achievements."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from tms.access import Action, organization_tree, require
from tms.errors import DomainError
from tms.models import Organization

if TYPE_CHECKING:
    from django.db import models

    from tms.models import User


def make_available(
    row: models.Model, organizations: Iterable[Organization], *, actor: User | None
) -> dict[str, list[str]]:
    """Let exactly these organizations use `row`, which names its owner in `organization`; what that changed,
    for the audit.

    Those that the actor does not manage stay as they are. What is made with the row stays, too: a badge of
    an organization that may no longer use the account goes on.
    """
    require(actor, Action.MANAGE, row)
    shared: Any = row
    wanted = {organization.pk for organization in organizations}
    present = set(shared.available_to.values_list("pk", flat=True))
    new = Organization.objects.filter(pk__in=wanted - present)
    strange = new.exclude(pk__in=organization_tree(shared.organization_id)).first()
    if strange:
        message = _("%(name)s is not below %(owner)s, so it cannot be given this.") % {
            "name": strange,
            "owner": shared.organization,
        }
        raise DomainError("not_below", message, fields={"available_to": [message]})
    if actor:
        hers = Organization.objects.for_user(actor, Action.MANAGE).filter(pk__in=present)
        wanted |= present - set(hers.values_list("pk", flat=True))
    if wanted == present:
        return {}
    shared.available_to.set(wanted)
    return {"available_to": [_names(present), _names(wanted)]}


def _names(ids: Collection[int]) -> str:
    return ", ".join(Organization.objects.filter(pk__in=ids).values_list("name", flat=True))


def given_to(model: type[models.Model], organization: Organization) -> models.QuerySet[Any]:
    """The rows of other organizations that this one may use."""
    rows: models.QuerySet[Any] = model._default_manager.filter(available_to=organization.pk)
    return rows
