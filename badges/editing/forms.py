"""What is typed about a badge. What it means is checked where everybody's is: in badges.catalogue."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from badges import activation
from badges.catalogue import accounts_for, save_badge
from badges.models import Badge
from tms.availability import AVAILABILITY, SharedForm
from tms.in_languages import LANGUAGES, TranslatedForm
from tms.models import User
from tms.sections import Section


class BadgeForm(TranslatedForm, SharedForm):
    """`seen` is what the provider said of the template, where saving needed to know."""

    seen: activation.Look | None = None
    availability_help = gettext_lazy("Organizations that may associate this badge with their achievements.")
    sections = (
        Section(
            name="basic-information",
            label=gettext_lazy("Basic Information"),
            fields=(
                "name",
                "description",
                "organization",
                "badge_provider",
                "template_id",
                "is_active",
                "enable_manual_issuance",
            ),
            template="badges/editing/_basic_information.html",
        ),
        AVAILABILITY,
        Section(
            name="more-settings",
            label=gettext_lazy("More Settings"),
            fields=("image_url", "expires_after_days", "external_id"),
        ),
        LANGUAGES,
    )

    image_url = forms.URLField(
        label=gettext_lazy("Image"),
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text=gettext_lazy(
            "The address of a picture. A synchronization brings the template's own; without one the badge "
            "gets a medal."
        ),
    )

    class Meta:
        model = Badge
        fields = (
            "name",
            "description",
            "organization",
            "badge_provider",
            "template_id",
            "is_active",
            "enable_manual_issuance",
            "available_to",
            "expires_after_days",
            "image_url",
            "external_id",
        )
        labels = {
            "badge_provider": gettext_lazy("Badge Provider"),
            "template_id": gettext_lazy("Badge Provider Template Id"),
        }
        help_texts = {
            "name": gettext_lazy("Best practice: the name of the template at the provider."),
            "enable_manual_issuance": gettext_lazy(
                "Administrators and instructors may issue it from a roster, and administrators from a course "
                "assignment."
            ),
        }
        widgets = {
            "description": forms.Textarea(
                attrs={"rows": 3, "placeholder": gettext_lazy("What it takes to earn this badge")}
            ),
            "template_id": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        self.user = user
        account: Any = self.fields["badge_provider"]
        account.queryset, account.empty_label = accounts_for(user), _("None chosen")
        if self.instance.pk:
            self._keep_present_choices()
            if self.instance.issued_badges.exists():
                self._fix_template()
        self.fields["is_active"].help_text = self._what_activating_does()

    def _fix_template(self) -> None:
        for name in ("badge_provider", "template_id"):
            self.fields[name].disabled = True
        self.fields["template_id"].help_text = _(
            "This badge has been issued, so its provider and template stay as they are."
        )

    def _what_activating_does(self) -> str:
        if self.instance.pk is None or self.instance.is_active:
            return _("Only an active badge is issued. While it is not, what is earned waits for it.")
        return activation.foresee(self.instance).sentence

    def save_badge(self) -> bool:
        """Whether it was stored. No transaction may be open: the provider is asked first."""
        if not self.is_valid():
            return False
        self.seen = activation.look(self.instance) if activation.needs_look(self.instance) else None
        return self.stores(
            lambda: save_badge(
                self.instance,
                seen=self.seen,
                available_to=self.cleaned_data["available_to"],
                actor=self.user,
            )
        )
