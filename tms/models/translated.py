"""What learners read the name of, in their own language where somebody wrote it down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext_lazy as _

from tms.models.base import is_storable

if TYPE_CHECKING:
    Translations = Mapping[str, Mapping[str, str]]

PARTS = ("name", "description")
MOST_LETTERS = 200  # of a name, as the plain one


def named(translations: Translations, part: str, *, otherwise: str) -> str:
    """The `part` that is read here and now: of the active language, or else of the one that it is a kind of
    (`de` for `de-at`), or else the plain one."""
    language = get_language() or ""
    for code in (language, language.partition("-")[0]):
        if text := translations.get(code, {}).get(part):
            return text
    return otherwise


def validate_translations(translations: Any) -> None:
    """{language: {"name": …, "description": …}}, by codes that Django knows; either may be missing."""
    if not isinstance(translations, dict):
        raise ValidationError(_("Write an object with a language such as “de” for each key."), code="shape")
    wrong = [problem for code, texts in translations.items() for problem in _problems(code, texts)]
    if wrong:
        raise ValidationError(wrong)


def _problems(code: str, texts: Any) -> Iterator[ValidationError]:
    try:
        get_language_info(code)
    except KeyError:
        yield ValidationError(_("%(code)s is not a language."), params={"code": code}, code="language")
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        yield ValidationError(_("Write “name” and “description” as texts."), code="shape")
        return
    if not all(map(is_storable, texts.values())):
        yield ValidationError(_("It contains a character that cannot be stored."), code="unstorable")
    for part in texts.keys() - set(PARTS):
        yield ValidationError(
            _("%(part)s cannot be translated; “name” and “description” can."),
            params={"part": part},
            code="part",
        )
    if len(texts.get("name", "")) > MOST_LETTERS:
        yield ValidationError(
            _("A name has at most %(most)d letters."), params={"most": MOST_LETTERS}, code="max_length"
        )


class Translated(models.Model):
    """Has a name and a description, which learners read as `name_here` and `description_here`.

    Lists for administrators, programs and providers keep the plain ones.
    """

    if TYPE_CHECKING:
        name: models.CharField[str, str]
        description: models.TextField[str, str]

    translations = models.JSONField(
        _("in other languages"), default=dict, blank=True, validators=[validate_translations]
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        """What is empty is not there: the plain text takes its place."""
        super().clean()
        try:
            validate_translations(self.translations)
        except ValidationError:
            return  # told by the field itself
        trimmed = {
            code: {part: text.strip() for part, text in texts.items() if text.strip()}
            for code, texts in self.translations.items()
        }
        self.translations = {code: texts for code, texts in trimmed.items() if texts}

    @property
    def name_here(self) -> str:
        return named(self.translations, "name", otherwise=self.name)

    @property
    def description_here(self) -> str:
        return named(self.translations, "description", otherwise=self.description)
