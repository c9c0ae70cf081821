"""What is typed about an account. What it means is checked where everybody's is: in providers.accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.accounts import save_provider
from providers.addresses import DOCUMENTED, suggestions
from providers.models import BadgeProvider
from providers.registry import adapter_class
from tms.availability import AVAILABILITY, SharedForm
from tms.sections import Section

if TYPE_CHECKING:
    from providers.addresses import Suggestion
    from tms.models import User

Kind = BadgeProvider.Kind
EXAMPLE = gettext_lazy("e.g. %(url)s")
MASK = "••••••••"


class BadgeProviderForm(SharedForm):
    """A token that was typed is there again, masked, when something else was wrong; a stored one never is."""

    field_names = {"token": "new_token"}
    availability_help = gettext_lazy(
        "Organizations that may use this badge provider for badges of their own. They do not see its token."
    )
    sections = (
        Section(
            name="basic-information",
            label=gettext_lazy("Basic Information"),
            fields=(
                "name",
                "description",
                "organization",
                "kind",
                "provider_organization_id",
                "new_token",
                "api_url",
                "is_enabled",
            ),
            template="providers/_basic_information.html",
        ),
        AVAILABILITY,
        Section(
            name="more-settings",
            label=gettext_lazy("More Settings"),
            fields=("calls_per_minute", "revoke_by", "external_id"),
        ),
    )

    new_token = forms.CharField(
        label=gettext_lazy("Badge Provider Api Authentication Token"),
        widget=forms.PasswordInput(
            render_value=True, attrs={"autocomplete": "new-password", "spellcheck": "false"}
        ),
    )
    api_url = forms.URLField(label=gettext_lazy("API Url"), max_length=500, assume_scheme="https")

    class Meta:
        model = BadgeProvider
        fields = (
            "name",
            "description",
            "organization",
            "kind",
            "provider_organization_id",
            "api_url",
            "is_enabled",
            "available_to",
            "calls_per_minute",
            "revoke_by",
            "external_id",
        )
        labels = {
            "kind": gettext_lazy("Badge Provider Type"),
            "provider_organization_id": gettext_lazy("Badge Provider Organization Id"),
            "is_enabled": gettext_lazy("Enabled"),
        }
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
            "provider_organization_id": forms.TextInput(
                attrs={"autocomplete": "off", "spellcheck": "false", "data-kinds": Kind.CREDLY.value}
            ),
            "revoke_by": forms.Select(attrs={"data-kinds": Kind.ACCREDIBLE.value}),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        self.user = user
        present = self.instance.kind if self.instance.pk else None
        self.kind = str(self["kind"].value() or Kind.CREDLY)
        kind: Any = self.fields["kind"]
        kind.choices = [
            (value, label) for value, label in Kind.choices if adapter_class(value) or value == present
        ]
        self.fields["provider_organization_id"].required = self.kind == Kind.CREDLY
        self.fields["provider_organization_id"].help_text = _(
            "The id of your organization at Credly, as in the address of its pages there."
        )
        self._prepare_address()
        self._prepare_token()

    def _prepare_address(self) -> None:
        address = self.fields["api_url"]
        address.required = self.kind in DOCUMENTED
        example = DOCUMENTED.get(self.kind, DOCUMENTED[Kind.CREDLY])[-1].url
        address.widget = forms.URLInput(
            attrs={"list": "known-addresses", "placeholder": EXAMPLE % {"url": example}}
        )

    def _prepare_token(self) -> None:
        token = self.fields["new_token"]
        if not self.instance.token:
            token.required = self.kind in DOCUMENTED
            token.help_text = _("Stored encrypted and never shown again.")
            return
        token.required = False
        token.widget.attrs["placeholder"] = MASK
        token.help_text = _("Stored encrypted and never shown. Leave it empty to keep the present one.")
        if since := self.instance.token_set_at:
            day = date_format(timezone.localtime(since), "DATE_FORMAT")
            token.help_text = _(
                "Entered on %(day)s and never shown. Leave it empty to keep the present one."
            ) % {"day": day}

    @property
    def suggestions(self) -> list[Suggestion]:
        return suggestions()

    def save_account(self) -> bool:
        """Whether it was stored. The provider has not been asked yet (next: providers.health.check)."""
        return self.stores(
            lambda: save_provider(
                self.instance,
                new_token=self.cleaned_data["new_token"],
                available_to=self.cleaned_data["available_to"],
                actor=self.user,
            )
        )
