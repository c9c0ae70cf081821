"""What the style guide shows in the place of data."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

RULES: dict[str, dict[str, Any]] = {
    "one": {"text": _("Launch any lab")},
    "several": {
        "text": _("All of these"),
        "parts": (
            {"text": _("Complete 4 different courses tagged “Cloud”")},
            {
                "text": _("Any of these"),
                "parts": (
                    {"text": _("Pass the exam “Cloud exam” with a score of at least 80%")},
                    {"text": _("Be active on 30 days in a row")},
                ),
            },
        ),
    },
}
