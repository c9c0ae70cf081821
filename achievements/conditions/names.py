"""The names of what rules are about, as a sentence shows them."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Value
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from achievements.conditions.language import Rule
from achievements.conditions.things import NAMED_BY_FIELD, THINGS
from tms.models import Translated, named

if TYPE_CHECKING:
    from django.db.models import QuerySet

# A list of more names than this shows the first few and how many more there are.
MOST_NAMED = 5
NAMED_OF_MANY = 4


@dataclass(frozen=True, slots=True)
class Names:
    """Key that names things → id → name, for the ids that sentences of certain rules show."""

    found: Mapping[str, Mapping[int, str]]

    def shown(self, field: str, ids: Iterable[int]) -> list[str]:
        known = self.found.get(NAMED_BY_FIELD[field], {})
        return [
            quoted(known[id_]) if id_ in known else _("no. %(id)s (deleted)") % {"id": id_} for id_ in ids
        ]


def names_of(rules: Iterable[Rule]) -> Names:
    """The names that sentence() needs for these rules: a query for achievements, and one for all the rest."""
    wanted: dict[str, set[int]] = {}
    for rule in rules:
        for condition in rule.leaves():
            for field, key in NAMED_BY_FIELD.items():
                wanted.setdefault(key, set()).update(first_of(getattr(condition, field)))
    found: dict[str, dict[int, str]] = defaultdict(dict)
    plain = []
    for key, ids in wanted.items():
        model = THINGS[key]
        if ids and issubclass(model, Translated):
            found[key] = _names_by_language(model, ids)
        elif ids:
            plain.append(_names(key, ids))
    if plain:
        first, *others = plain
        for key, pk, name in first.union(*others, all=True) if others else first:
            found[key][pk] = name
    return Names(found)


def _names(key: str, ids: set[int]) -> QuerySet[Any, tuple[str, int, str]]:
    """key, id, name"""
    rows = THINGS[key]._default_manager.filter(pk__in=ids).order_by()
    return rows.values_list(Value(key), "pk", "name")


def _names_by_language(model: type[Translated], ids: set[int]) -> dict[int, str]:
    rows: QuerySet[Any] = model._default_manager.filter(pk__in=ids)
    found = rows.values_list("pk", "name", "translations")
    return {pk: named(translations, "name", otherwise=name) for pk, name, translations in found}


def first_of(items: Sequence[Any]) -> Sequence[Any]:
    return items if len(items) <= MOST_NAMED else items[:NAMED_OF_MANY]


def quoted(name: str) -> str:
    """A name that runs against the direction of the text is isolated: it would turn its neighbours round."""
    against = {"L"} if get_language_bidi() else {"R", "AL"}
    if any(unicodedata.bidirectional(letter) in against for letter in name):
        name = f"\u2068{name}\u2069"
    return _("“%(name)s”") % {"name": name}
