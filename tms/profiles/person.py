"""What is typed about a user. What it means is checked where everybody's is: in tms.people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tms import language, people, roles
from tms.access import Action, Role
from tms.models import Organization, User
from tms.new_password import WithNewPassword
from tms.sections import EntityForm, Section
from tms.time_zone import ZoneSelect

if TYPE_CHECKING:
    from datetime import datetime

    from tms.roles import Term

MEANING = {
    Role.ADMINISTRATOR: gettext_lazy("Manages the organization and those below it."),
    Role.INSTRUCTOR: gettext_lazy("Issues badges in own classes to students of the own organization."),
    Role.CONTRACT_INSTRUCTOR: gettext_lazy("Issues badges in own classes to everybody enrolled."),
    Role.GLOBAL_ACHIEVEMENTS: gettext_lazy("May mark achievements as global."),
}


class OrganizationSelect(forms.Select):
    """Tells the page (person.js) which organizations have achievements enabled."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        organization = getattr(value, "instance", None)
        if organization is not None and organization.enable_achievements:
            option["attrs"]["data-achievements"] = ""
        return option


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


@dataclass(frozen=True, kw_only=True)
class RoleRow:
    meaning: object
    held: forms.BoundField
    dates: tuple[forms.BoundField, ...]


class PersonForm(WithNewPassword, EntityForm):
    sections = (
        Section(
            name="basic-information",
            label=gettext_lazy("Basic Information"),
            fields=(
                "first_name",
                "last_name",
                "email",
                "organization",
                "participate_in_achievements",
                "time_zone",
                "language",
                "external_id",
                "new_password",
                *(f"{role.value}{part}" for role in Role for part in ("", "_starts_at", "_ends_at")),
                "is_disabled",
            ),
            template="tms/profiles/_person_fields.html",
        ),
    )

    first_name = forms.CharField(label=gettext_lazy("First Name"), max_length=150)
    last_name = forms.CharField(label=gettext_lazy("Last Name"), max_length=150)
    is_disabled = forms.BooleanField(
        label=gettext_lazy("Disabled"),
        required=False,
        help_text=gettext_lazy(
            "Cannot sign in, and is left out of searches unless asked for. What was earned stays."
        ),
    )

    class Meta:
        model = User
        fields = (
            "first_name",
            "last_name",
            "email",
            "organization",
            "time_zone",
            "language",
            "external_id",
            "participate_in_achievements",
        )
        labels = {
            "email": gettext_lazy("E-mail"),
            "organization": gettext_lazy("Organization"),
            "time_zone": gettext_lazy("Time Zone"),
            "language": gettext_lazy("Language"),
            "external_id": gettext_lazy("External ID"),
        }
        help_texts = {
            "time_zone": "",
            "email": gettext_lazy("The login, and the address that badges are issued to."),
            "language": gettext_lazy("Of pages and messages. Users can change it below every page."),
            "external_id": gettext_lazy("What another system calls this user."),
        }
        widgets = {
            "organization": OrganizationSelect,
            "email": forms.EmailInput(attrs={"autocomplete": "off"}),
            "external_id": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.stored_terms = roles.terms_of(self.instance)
        self.stored_participation = self.instance.participate_in_achievements
        organization: Any = self.fields["organization"]
        organization.queryset = Organization.objects.for_user(user, Action.MANAGE)
        organization.required = not user.is_superuser
        self.fields["time_zone"].widget = ZoneSelect(empty=_("The organization's"))
        spoken: Any = self.fields["language"]
        spoken.choices = [("", _("Follows the browser")), *language.choices()]
        self.initial["is_disabled"] = not self.instance.is_active
        self._add_roles()
        self._prepare_participation()

    def _add_roles(self) -> None:
        for role in Role:
            term = self.stored_terms.get(role)
            is_fixed = not roles.may_give(self.user, role)
            name = role.value
            self.fields[name] = forms.BooleanField(label=role.label, required=False, disabled=is_fixed)
            self.initial[name] = term is not None
            for part, label in (("starts_at", _("Starts")), ("ends_at", _("Expires"))):
                self.fields[f"{name}_{part}"] = forms.DateTimeField(
                    label=label, required=False, widget=MomentInput(), disabled=is_fixed
                )
                self.initial[f"{name}_{part}"] = getattr(term, part) if term else None

    def _prepare_participation(self) -> None:
        field = self.fields["participate_in_achievements"]
        if since := self.instance.opted_out_at:
            day = date_format(timezone.localtime(since), "DATE_FORMAT")
            field.disabled = True
            field.help_text = _("Opted out on %(day)s. Only the learner can take that back.") % {"day": day}
        else:
            field.help_text = _(
                "Earns achievements and their badges, also for what was completed in the past. "
                "The learner can opt out at any time."
            )

    @property
    def is_participation_asked(self) -> bool:
        """Whether the chosen organization has achievements enabled."""
        chosen = str(self["organization"].value() or "")
        field: Any = self.fields["organization"]
        return any(str(row.pk) == chosen and row.enable_achievements for row in field.queryset)

    @property
    def role_rows(self) -> Iterator[RoleRow]:
        for role in Role:
            name = role.value
            yield RoleRow(
                meaning=MEANING[role],
                held=self[name],
                dates=(self[f"{name}_starts_at"], self[f"{name}_ends_at"]),
            )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        organization = cleaned.get("organization")
        if organization is None or not organization.enable_achievements:
            cleaned["participate_in_achievements"] = self.stored_participation  # nobody was asked
        return cleaned

    def terms(self) -> dict[Role, Term]:
        """All roles as filled in. The browser shows whole minutes; an untouched moment stays exact."""
        found: dict[Role, Term] = {}
        for role in Role:
            stored = self.stored_terms.get(role, roles.PERMANENT)
            if not roles.may_give(self.user, role):
                if role in self.stored_terms:
                    found[role] = stored
            elif self.cleaned_data[role.value]:
                found[role] = roles.Term(
                    starts_at=self._moment(f"{role.value}_starts_at", stored.starts_at),
                    ends_at=self._moment(f"{role.value}_ends_at", stored.ends_at),
                )
        return found

    def _moment(self, name: str, stored: datetime | None) -> datetime | None:
        typed: datetime | None = self.cleaned_data[name]
        if typed and stored and typed == stored.replace(second=0, microsecond=0):
            return stored
        return typed

    def save_person(self) -> bool:
        """Whether it was stored."""
        return self.stores(self._save)

    def _save(self) -> None:
        self.instance.is_active = not self.cleaned_data["is_disabled"]
        people.save_person(
            self.instance,
            terms=self.terms(),
            new_password=self.cleaned_data["new_password"],
            actor=self.user,
        )
