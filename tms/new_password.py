"""A password that an administrator enters for somebody."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class WithNewPassword(forms.Form):
    """A part of a form of a user. It is never shown again, whatever else is wrong with the form."""

    instance: Any

    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave empty to keep the present one. Without any, the user cannot sign in."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Beside a password a browser takes a text for a name to sign in with, and offers its user's own.
            if getattr(field.widget, "input_type", "") in {"text", "email"}:
                field.widget.attrs.setdefault("autocomplete", "off")
        if self.instance.pk is None:
            self.fields["new_password"].label = gettext("Password")
            self.fields["new_password"].help_text = gettext("Without one, the user cannot sign in.")

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        if password:
            password_validation.validate_password(password, self.instance)
        return password
