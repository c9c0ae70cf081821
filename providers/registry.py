"""Which adapter speaks to which kind of provider: the one place that knows them all."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from django.utils.translation import gettext as _

from providers.base import Misconfigured

if TYPE_CHECKING:
    from providers.base import Adapter
    from providers.models import BadgeProvider

# Imported on first use: a site that never speaks to a vendor never loads its adapter.
ADAPTERS = {"credly": "providers.credly.Credly"}


def adapter_for(provider: BadgeProvider) -> Adapter:
    path = ADAPTERS.get(provider.kind)
    if path is None:
        raise Misconfigured(_("%(kind)s cannot issue yet.") % {"kind": provider.get_kind_display()})
    module, name = path.rsplit(".", 1)
    return cast("Adapter", getattr(import_module(module), name)(provider.account))
