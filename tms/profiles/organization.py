"""What is typed about an organization. What it means is checked where everybody's is: in tms.gates."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tms import gates
from tms.access import Action, organization_tree
from tms.gates import PREFERENCES, Participation
from tms.members.visibility import shown_in
from tms.models import Organization, User
from tms.sections import EntityForm, Section
from tms.time_zone import ZoneSelect


class PreferencesForm(EntityForm):
    """What an organization has switched on; the same columns wherever they are asked for."""

    sections: ClassVar[tuple[Section, ...]] = (
        Section(
            name="preferences",
            label=gettext_lazy("Preferences"),
            fields=PREFERENCES,
            template="tms/profiles/_preferences.html",
        ),
    )

    class Meta:
        model = Organization
        fields: tuple[str, ...] = PREFERENCES
        help_texts = {
            "participate_in_global_achievements": gettext_lazy(
                "Its users also earn the achievements that other organizations have marked as global."
            ),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    @cached_property
    def participation(self) -> Participation:
        return gates.participation_in(self.instance)

    @cached_property
    def was_enabled(self) -> bool:
        """As it is stored; the form has filled the instance in by now."""
        return bool(self.initial.get("enable_achievements"))

    @cached_property
    def shown_profiles(self) -> int:
        """How many have chosen to show theirs, whether or not that is allowed now."""
        return shown_in(self.instance)

    def save_organization(self) -> bool:
        """Whether it was stored."""
        return self.stores(lambda: gates.save_organization(self.instance, actor=self.user))


class OrganizationForm(PreferencesForm):
    """A new one has no preferences to ask for: it starts with its parent's."""

    sections = (
        Section(
            name="basic-information",
            label=gettext_lazy("Basic Information"),
            fields=("name", "parent", "time_zone", "external_id"),
        ),
        *PreferencesForm.sections,
    )

    class Meta(PreferencesForm.Meta):
        fields = ("name", "parent", "time_zone", "external_id", *PREFERENCES)
        labels = {
            "name": gettext_lazy("Name"),
            "parent": gettext_lazy("Parent"),
            "time_zone": gettext_lazy("Time Zone"),
            "external_id": gettext_lazy("External ID"),
        }
        help_texts = {
            **PreferencesForm.Meta.help_texts,
            "time_zone": gettext_lazy("Of its users who have none of their own, and of its days."),
            "external_id": gettext_lazy("What another system calls this organization."),
        }
        widgets = {"external_id": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})}

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        self.fields["time_zone"].widget = ZoneSelect()
        if self.instance.pk is None:
            for name in PREFERENCES:
                del self.fields[name]
        self._prepare_parent()

    def _prepare_parent(self) -> None:
        """What is above one's own organization is not one's own."""
        if self.instance.pk and self.instance.pk == self.user.organization_id and not self.user.is_superuser:
            del self.fields["parent"]
            return
        parent: Any = self.fields["parent"]
        rows = Organization.objects.for_user(self.user, Action.MANAGE)
        if self.instance.pk:
            rows = rows.exclude(pk__in=organization_tree(self.instance.pk))
        else:
            parent.help_text = _("A new organization starts with the preferences of its parent.")
        parent.queryset = rows
        parent.required = not self.user.is_superuser
