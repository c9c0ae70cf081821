"""Columns that name a badge or an achievement in other languages: `name_de`, `description_de` and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from config.importing.columns import optional
from tms.models.translated import PARTS

if TYPE_CHECKING:
    from config.importing.sheet import Draft

_TEXTS = [(part, code, f"{part}_{code}") for code, _name in settings.LANGUAGES for part in PARTS]

TRANSLATED = tuple(optional(column, field="", empty="") for _part, _code, column in _TEXTS)


def translate(draft: Draft[Any]) -> None:
    """Put in what the row says; of languages that it has no columns for, what is stored stays."""
    texts = {code: dict(parts) for code, parts in draft.fact.translations.items()}
    for part, code, column in _TEXTS:
        if column in draft.values:
            texts.setdefault(code, {})[part] = draft.values[column]
    kept = {code: {part: text for part, text in parts.items() if text} for code, parts in texts.items()}
    draft.fact.translations = {code: parts for code, parts in kept.items() if parts}
