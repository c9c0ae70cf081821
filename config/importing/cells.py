"""What the text of one cell means. A reader takes the trimmed, non-empty text and returns the value, or
raises BadCell with what was found and what is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.db import models
from django.utils.translation import gettext as _

from tms.models import normalize_email
from tms.models.base import FIRST_YEAR, LARGEST, LAST_YEAR

Reader = Callable[[str], Any]
_SHOWN = 60


class BadCell(ValueError):
    """The sentence for the person who wrote the cell."""


def text(cell: str) -> str:
    return cell


def email(cell: str) -> str:
    return normalize_email(cell)


def items(cell: str) -> list[str]:
    """The parts of a list, each once, in their order."""
    return list(dict.fromkeys(part for item in cell.split(";") if (part := item.strip())))


def boolean(cell: str) -> bool:
    word = cell.lower()  # spreadsheets write TRUE
    if word not in {"true", "false"}:
        raise BadCell(_("%(found)s is found; true and false are allowed.") % {"found": shown(cell)})
    return word == "true"


def moment(cell: str) -> datetime:
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        raise BadCell(
            _("%(found)s is not a time. Write it as in 2026-03-31T09:00:00+02:00.") % {"found": shown(cell)}
        ) from None
    if found.utcoffset() is None:
        raise BadCell(
            _("The time %(found)s has no zone. Put its offset behind it, such as +02:00, or Z for UTC.")
            % {"found": shown(cell)}
        )
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BadCell(
            _("%(found)s is found; the years %(first)d to %(last)d are allowed.")
            % {"found": shown(cell), "first": FIRST_YEAR, "last": LAST_YEAR}
        )
    return found.astimezone(UTC)


def whole(*, minimum: int = 0, maximum: int = LARGEST) -> Reader:
    def read(cell: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", cell) or not minimum <= int(cell) <= maximum:
            raise BadCell(
                _("%(found)s is found; whole numbers from %(minimum)d to %(maximum)d are allowed.")
                % {"found": shown(cell), "minimum": minimum, "maximum": maximum}
            )
        return int(cell)

    return read


def decimal(*, maximum: int) -> Reader:
    """A number with or without decimals, from 0 on."""

    def read(cell: str) -> float:
        if not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,20})?", cell) or float(cell) > maximum:
            raise BadCell(
                _("%(found)s is found; numbers from 0 to %(maximum)d are allowed.")
                % {"found": shown(cell), "maximum": maximum}
            )
        return float(cell)

    return read


def one_of(choices: type[models.TextChoices], *, also: Mapping[str, str] | None = None) -> Reader:
    """A word of a list, read without regard to case, spaces, hyphens and underscores.

    `also` maps further spellings to words of the list.
    """
    known = {_bare(value): value for value in choices.values}
    known |= {_bare(spelling): str(value) for spelling, value in (also or {}).items()}

    def read(cell: str) -> str:
        found = known.get(_bare(cell))
        if found is None:
            raise BadCell(
                _("%(found)s is found; allowed are %(allowed)s.")
                % {"found": shown(cell), "allowed": ", ".join(choices.values)}
            )
        return found

    return read


def many_of(choices: type[models.TextChoices]) -> Reader:
    read = one_of(choices)
    return lambda cell: frozenset(read(item) for item in items(cell))


def time_zone(cell: str) -> str:
    if cell not in _time_zones():
        raise BadCell(
            _("%(found)s is not a time zone. Use a name such as Europe/Berlin or America/Chicago.")
            % {"found": shown(cell)}
        )
    return cell


def language(cell: str) -> str:
    known = [code for code, _name in settings.LANGUAGES]
    if cell.lower() not in known:
        raise BadCell(
            _("%(found)s is found; allowed are %(allowed)s.")
            % {"found": shown(cell), "allowed": ", ".join(known)}
        )
    return cell.lower()


def from_environment(cell: str) -> str:
    """The value of the environment variable that the cell names. Neither is told unless it is a usual name:
    somebody may have put the secret itself into the cell."""
    found = os.environ.get(cell, "").strip()
    if found:
        return found
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", cell):
        raise BadCell(_("The environment variable %(name)s is not set.") % {"name": cell})
    raise BadCell(_("No environment variable of this name is set. Write the name of one, not the secret."))


def shown(cell: str) -> str:
    """The found text as part of a sentence."""
    return f"“{cell}”" if len(cell) <= _SHOWN else f"“{cell[:_SHOWN]}…”"


def _bare(word: str) -> str:
    return re.sub(r"[\s_-]+", "", word).casefold()


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())  # reads a directory tree each time it is asked
