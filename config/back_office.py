"""The stock Django admin as our back office: our name, our sign-in page, nothing else of its own."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from config.shell import SITE_NAME


class BackOffice(AdminSite):
    site_header = _("Back office")
    site_title = SITE_NAME
    index_title = _("Records")
    site_url = "/"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Strangers are sent to our own sign-in page before; this is for whoever is signed in."""
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "product_name": SITE_NAME}
