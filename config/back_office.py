"""The stock Django admin as our back office."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class BackOffice(AdminSite):
    site_header = _("Back office")
    site_title = _("Back office")
    index_title = _("Records")
    site_url = "/"
