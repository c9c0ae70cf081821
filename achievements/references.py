"""What rules name, and whether it is still there.

Nothing that a rule can name is deleted by a page or by the API, and all that anybody has a record of is kept
from it by the database. It may go all the same: by a command, or by hand. Its rule would then quietly mean
something else, so it rests, and says what is gone, until it is edited or the thing is back.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.conditions import language
from achievements.conditions.things import REFERENCED
from achievements.models import Achievement
from achievements.paused import tell_paused

if TYPE_CHECKING:
    from achievements.conditions.language import Rule

KeyT = TypeVar("KeyT", bound=Hashable)
# The key that names things → their ids.
Ids = dict[str, list[int]]

# A sentence about more than that tells how many more there are.
MOST_TOLD = 10


def gone(rules: Mapping[KeyT, Rule]) -> dict[KeyT, Ids]:
    """What each rule names that does not exist, for the rules that do so; a query for each kind of thing."""
    referenced = {key: language.referenced_ids(rule) for key, rule in rules.items()}
    wanted: dict[type[models.Model], set[int]] = {}
    for ids_by_name in referenced.values():
        for name, ids in ids_by_name.items():
            wanted.setdefault(REFERENCED[name], set()).update(ids)
    there = {model: _existing(model, ids) for model, ids in wanted.items()}
    missing = {
        key: {name: sorted(ids - there[REFERENCED[name]]) for name, ids in ids_by_name.items()}
        for key, ids_by_name in referenced.items()
    }
    found = {key: {name: ids for name, ids in named.items() if ids} for key, named in missing.items()}
    return {key: named for key, named in found.items() if named}


def _existing(model: Any, ids: set[int]) -> set[int]:
    return set(model._default_manager.filter(pk__in=ids).values_list("pk", flat=True))


def pause_where_gone() -> int:
    """Pause the rules that name what is gone, let go on those whose things are back; how many changed.

    A rule that goes on looks at everybody, since nobody was evaluated by it meanwhile. One that is edited at
    this very moment may be paused for what it named before: the next sweep lets it go on.
    """
    enabled = Achievement.objects.filter(enabled=True).exclude(conditions=[]).order_by()
    rows = enabled.values_list("pk", "conditions", "gone")
    known: dict[int, tuple[Any, Ids]] = {pk: (conditions, noted) for pk, conditions, noted in rows}
    found = gone({pk: language.from_canonical(conditions) for pk, (conditions, _noted) in known.items()})
    changed: dict[str, list[int]] = {}
    for pk, (_conditions, noted) in known.items():
        if (ids := found.get(pk, {})) != noted:
            changed.setdefault(json.dumps(ids, sort_keys=True), []).append(pk)
    now = timezone.now()
    for text, pks in changed.items():
        alike, ids = Achievement.objects.filter(pk__in=pks), json.loads(text)
        if ids:
            with transaction.atomic():
                alike.update(gone=ids, paused_at=Coalesce("paused_at", models.Value(now)))
                tell_paused([pk for pk in pks if not known[pk][1]], at=now)
        else:
            alike.update(gone=ids, paused_at=None, full_run_due_at=now)
    return sum(map(len, changed.values()))


def problem_of(achievement: Achievement) -> str:
    """Why its rule is not evaluated, or failed when it last was; empty where all is well."""
    return told(achievement.gone) if achievement.gone else achievement.last_error


def told(missing: Ids) -> str:
    """The sentence about what is gone. Its names went with it, so that ids are all there is."""
    ids_of: dict[type[models.Model], set[int]] = {}
    for name, ids in missing.items():
        ids_of.setdefault(REFERENCED[name], set()).update(ids)
    things = [
        _("%(kind)s %(ids)s") % {"kind": model._meta.verbose_name, "ids": _listed(sorted(ids))}
        for model, ids in ids_of.items()
    ]
    return _("The rule names what no longer exists: %(things)s. It is paused until it is edited.") % {
        "things": "; ".join(things)
    }


def _listed(ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, ids[:MOST_TOLD]))
    if len(ids) <= MOST_TOLD:
        return shown
    return _("%(ids)s and %(count)d more") % {"ids": shown, "count": len(ids) - MOST_TOLD}
