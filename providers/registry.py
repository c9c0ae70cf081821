"""Which adapter speaks to which kind of provider: the one place that knows them all."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from django.utils.translation import gettext as _

from providers.base import Misconfigured

if TYPE_CHECKING:
    from providers.accredible import Accredible
    from providers.base import Ability, Adapter
    from providers.credly import Credly
    from providers.models import BadgeProvider

    # They are loaded by name, so that types are compared here.
    KINDS: tuple[type[Adapter], ...] = (Accredible, Credly)

# Imported on first use: a site that never speaks to a vendor never loads its adapter.
ADAPTERS = {"accredible": "providers.accredible.Accredible", "credly": "providers.credly.Credly"}


def adapter_for(provider: BadgeProvider) -> Adapter:
    adapter = adapter_class(provider.kind)
    if adapter is None:
        raise Misconfigured(_("%(kind)s cannot issue yet.") % {"kind": provider.get_kind_display()})
    return adapter(provider.account)


def adapter_class(kind: str) -> type[Adapter] | None:
    """What is true of every account of a kind, as its limits are, without one; None for an unknown kind."""
    path = ADAPTERS.get(kind)
    if path is None:
        return None
    module, name = path.rsplit(".", 1)
    return cast("type[Adapter]", getattr(import_module(module), name))


def abilities_of(kind: str) -> frozenset[Ability]:
    """What accounts of this kind can do; nothing for a kind that cannot issue."""
    adapter = adapter_class(kind)
    return adapter.abilities if adapter else frozenset()
