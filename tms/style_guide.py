"""What the style guide shows in the place of data."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tms.sections import Section, Sectioned

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


class Tabbed(Sectioned, forms.Form):
    """A form in sections, of which one has an error."""

    name = forms.CharField(label=_("Name"), initial="IPC-Credly")
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    is_enabled = forms.BooleanField(label=_("Enabled"), required=False, initial=True)
    per_minute = forms.IntegerField(
        label=_("Calls per minute"), min_value=1, help_text=_("The most calls of this account in a minute.")
    )
    available_to = forms.MultipleChoiceField(
        label=_("Availability"),
        required=False,
        choices=[("1", _("Northwind North")), ("2", _("Northwind South"))],
        widget=forms.CheckboxSelectMultiple,
    )
    sections = (
        Section(
            name="basic-information",
            label=_("Basic Information"),
            fields=("name", "description", "is_enabled"),
        ),
        Section(name="limits", label=_("Limits"), fields=("per_minute",)),
        Section(name="availability", label=_("Availability"), fields=("available_to",)),
    )


def tabbed_form() -> Tabbed:
    """Made for each page: a form keeps what was found out about it."""
    typed = {"name": "IPC-Credly", "is_enabled": "on", "per_minute": "0"}
    return Tabbed(typed, auto_id="guide-tabbed-%s")
