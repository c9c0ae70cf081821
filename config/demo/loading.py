"""The demo enters the product: imported like any other folder, with logins that everybody knows."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext as _

from config.demo import membership
from config.demo.generator import LOGINS
from config.importing import ImportReport, import_folder
from config.importing.report import Progress
from tms.errors import DomainError
from tms.models import User

DEMO_PASSWORD = "demo"  # noqa: S105 - published on purpose; tms.sign_in refuses demo accounts without DEBUG


def load_demo(folder: Path, *, progress: Progress | None = None) -> ImportReport:
    """Import the demo and open its logins. Raises DomainError where DEBUG is off."""
    if not settings.DEBUG:
        raise DomainError(
            "demo_refused", _("The demo has published passwords, so it is loaded only while DEBUG is on.")
        )
    report = import_folder(folder, progress=progress)
    membership.reward_profiles()
    membership.show_members()
    closed = User.objects.filter(email__in=[login.email for login in LOGINS], is_demo=False)
    closed.update(is_demo=True, password=make_password(DEMO_PASSWORD))
    return report
