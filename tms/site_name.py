"""What the product calls itself, on its pages and in its mails."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SITE_NAME = _("TMS Badging")
