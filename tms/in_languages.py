"""The section **Languages** of a form: name and description in each language that there is (Translated)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tms.models.translated import MOST_LETTERS, PARTS
from tms.sections import EntityForm, Section

CODES = dict(settings.LANGUAGES)

LANGUAGES = Section(
    name="languages",
    label=gettext_lazy("Languages"),
    fields=tuple(f"{part}_{code}" for code in CODES for part in PARTS),
    template="_in_languages.html",
)


class TranslatedForm(EntityForm):
    """Its row is Translated, and LANGUAGES is among its sections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for code, name in CODES.items():
            language = {"language": name}
            spoken = {"lang": code, "dir": "auto"}
            self.fields[f"name_{code}"] = forms.CharField(
                label=_("Name (%(language)s)") % language,
                max_length=MOST_LETTERS,
                required=False,
                widget=forms.TextInput(attrs=spoken),
            )
            self.fields[f"description_{code}"] = forms.CharField(
                label=_("Description (%(language)s)") % language,
                required=False,
                widget=forms.Textarea(attrs={"rows": 3, **spoken}),
            )
            for part in PARTS:
                self.initial[f"{part}_{code}"] = self.instance.translations.get(code, {}).get(part, "")

    def _post_clean(self) -> None:
        """What was not asked for stays, as of a language that is no longer offered."""
        known = self.instance.translations
        asked = {code: dict(known.get(code, {})) for code in CODES}
        for code, texts in asked.items():
            for part in PARTS:
                if (name := self.add_prefix(f"{part}_{code}")) in self.data:
                    texts[part] = self.cleaned_data.get(name, "")
        self.instance.translations = {**known, **asked}
        super()._post_clean()

    @property
    def languages(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """Each language by its own name for itself, with its fields."""
        for code, name in CODES.items():
            yield name, [self[f"{part}_{code}"] for part in PARTS]
