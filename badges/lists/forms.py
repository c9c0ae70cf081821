"""What is typed on the pages of a list. What it means is checked where the command checks it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from badges.lists.checking import LONGEST_NOTE
from badges.lists.reading import Field, decoded
from badges.models import Badge
from tms.access import Action
from tms.errors import DomainError
from tms.models import User


class _BadgeChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, badge: Any) -> str:
        return f"{badge.name} – {badge.organization}"


class ForAll(forms.Form):
    """What counts for every row that does not say otherwise."""

    badge = _BadgeChoice(
        queryset=Badge.objects.none(),
        required=False,
        label=gettext_lazy("Badge"),
        empty_label=gettext_lazy("As each row says"),
        help_text=gettext_lazy("For rows that name none."),
    )
    issued_at = forms.DateField(
        required=False,
        label=gettext_lazy("Date of issue"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("For rows that name none. Empty: now."),
    )
    note = forms.CharField(
        required=False,
        label=gettext_lazy("Note"),
        max_length=LONGEST_NOTE,
        help_text=gettext_lazy("Kept with every badge whose row brings none."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = Badge.objects.for_user(user, Action.ISSUE).filter(
            is_active=True, enable_manual_issuance=True, badge_provider__is_enabled=True
        )
        badge: Any = self.fields["badge"]
        badge.queryset = choices.select_related("organization").order_by("name", "pk")

    def given(self) -> dict[str, Any]:
        day = self.cleaned_data["issued_at"]
        return {
            "badge": self.cleaned_data["badge"],
            "issued_at": day.isoformat() if day else "",
            "note": self.cleaned_data["note"],
        }


class Start(ForAll):
    text = forms.CharField(
        required=False,
        strip=False,
        label=gettext_lazy("Paste rows"),
        widget=forms.Textarea(
            attrs={"rows": 9, "spellcheck": "false", "autocomplete": "off", "class": "as-typed"}
        ),
        help_text=gettext_lazy("Copied from a spreadsheet, or as CSV, with the names of the columns on top."),
    )
    file = forms.FileField(
        required=False,
        label=gettext_lazy("or choose a file"),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
        help_text=gettext_lazy("CSV in UTF-8, up to 10,000 rows."),
    )
    field_order = ("text", "file", "badge", "issued_at", "note")

    def clean(self) -> dict[str, Any]:
        """The text of a file takes the place of what was pasted: it is not lost if it is refused."""
        cleaned: dict[str, Any] = super().clean() or {}
        file = cleaned.get("file")
        if file:
            try:
                cleaned["text"] = decoded(file.read())
            except DomainError as refusal:
                self.add_error("file", refusal.message)
            else:
                self.data = {name: self.data.get(name) for name in self.data} | {"text": cleaned["text"]}
        elif not cleaned.get("text", "").strip() and "file" not in self.errors:
            self.add_error("text", _("Paste rows or choose a file."))
        return cleaned


class Columns(ForAll):
    """Which column means what, besides what counts for all."""

    def __init__(self, *args: Any, names: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("– not in the list –")), *((name, name) for name in names if name)]
        for field in Field:
            self.fields[self.name_of(field)] = forms.ChoiceField(
                choices=choices, required=False, label=field.label
            )
        self.order_fields([*(self.name_of(field) for field in Field), "badge", "issued_at", "note"])

    @staticmethod
    def name_of(field: str) -> str:
        return f"column_{field}"

    @classmethod
    def as_kept(cls, mapping: dict[str, str]) -> dict[str, str]:
        return {cls.name_of(field): name for field, name in mapping.items()}

    def mapping(self) -> dict[str, str]:
        chosen = {field.value: self.cleaned_data[self.name_of(field)] for field in Field}
        return {field: name for field, name in chosen.items() if name}

    @property
    def columns(self) -> list[forms.BoundField]:
        return [self[self.name_of(field)] for field in Field]

    @property
    def for_all(self) -> list[forms.BoundField]:
        return [self[name] for name in ("badge", "issued_at", "note")]
