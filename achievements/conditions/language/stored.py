"""The form that is stored: a rule becomes plain values, the same for all spellings, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from achievements.conditions.language.moments import moment_from
from achievements.conditions.language.rules import Condition, Group, Rule
from achievements.conditions.language.words import KEYS, Shape, Subject

_NEXT_LINE = ",\n "
_DEFAULTS = {row.name: row.default for row in fields(Condition)}


def canonical(rule: Rule) -> list[dict[str, Any]]:
    """The form that is stored: keys in the order of KEYS, ids sorted and unique, defaults left out.

    Rules whose conditions mean the same, in the same order, have equal forms: Condition fills in an absent
    Count, and the number is always written, so that the stored rule does not depend on what absence means.
    Subject is always written. Groups stay as they are nested, but AtLeast is written only where it says more
    than Any or All; of a single condition all three say the same, and Any is written.
    """
    return [_canonical_part(part) for part in rule.conditions]


def from_canonical(value: Iterable[Mapping[str, Any]]) -> Rule:
    """The rule that was stored, without its remarks. Raises KeyError or ValueError where canonical() gave no
    such form.
    """
    return Rule(_stored_parts(value))


def dump(rule: Rule) -> str:
    """The canonical form as text, a line for each condition or group of the list.

    read() gives the same rule back, unless the text, with everything written out, has outgrown MAX_BYTES.
    """
    return f"[{_NEXT_LINE.join(json.dumps(part) for part in canonical(rule))}]"


def _canonical_part(part: Condition | Group) -> dict[str, Any]:
    return _canonical_group(part) if isinstance(part, Group) else _canonical_condition(part)


def _canonical_group(group: Group) -> dict[str, Any]:
    parts = [_canonical_part(part) for part in group.parts]
    if group.least == 1:
        return {"Any": parts}
    if group.least == len(parts):
        return {"All": parts}
    return {"AtLeast": group.least, "Of": parts}


def _canonical_condition(condition: Condition) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    for key in KEYS.values():
        value = getattr(condition, key.field)
        if value != _DEFAULTS[key.field]:
            stored[key.name] = _canonical_value(value)
    return stored


def _canonical_value(value: object) -> object:
    if isinstance(value, Subject):
        return int(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, date):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _stored_parts(value: Iterable[Mapping[str, Any]]) -> tuple[Condition | Group, ...]:
    return tuple(_stored_part(stored) for stored in value)


def _stored_part(stored: Mapping[str, Any]) -> Condition | Group:
    if "Any" in stored:
        return Group(least=1, parts=_stored_parts(stored["Any"]))
    if "All" in stored:
        return Group(least=len(stored["All"]), parts=_stored_parts(stored["All"]))
    if "AtLeast" in stored:
        return Group(least=stored["AtLeast"], parts=_stored_parts(stored["Of"]))
    values = {KEYS[name].field: _stored_value(KEYS[name].shape, value) for name, value in stored.items()}
    return Condition(subject=Subject(values.pop("subject")), **values)


def _stored_value(shape: Shape, value: Any) -> Any:
    return moment_from(value) if shape is Shape.MOMENT else value
