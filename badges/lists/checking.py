"""From rows of cells to learners and badges: what each row would issue, or a sentence that says why not.

Everybody and everything is looked up for all rows at once, in a number of queries that does not depend on
theirs. A learner or a badge out of the actor's reach is as unknown as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from badges.evidence import to_keep
from badges.issuing import Pair, foresee
from badges.lists.reading import REPLACED, Field, Table
from badges.models import Badge
from providers.base import Evidence
from tms.access import Action
from tms.csv_file import BadRow, Row
from tms.errors import DomainError
from tms.models import User, normalize_email

MOST_ROWS = 10_000
LONGEST_NOTE = 1_000
# Comparing with every name takes a while: so many words that name no badge are answered with the name meant.
MOST_SUGGESTIONS = 50
_SHOWN = 60
Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row. It has a `pair` to issue, or a `code` and a `message` that say why not."""

    number: int
    cells: Cells
    pair: Pair | None = None
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What counts for every row that does not say otherwise."""

    badge: Badge | None = None
    issued_at: str = ""
    note: str = ""


@dataclass(frozen=True)
class Checked:
    lines: tuple[Line, ...]

    @cached_property
    def ready(self) -> list[Line]:
        return [line for line in self.lines if not line.code]

    @cached_property
    def problems(self) -> list[Line]:
        return [line for line in self.lines if line.code]

    @property
    def pairs(self) -> list[Pair]:
        return [line.pair for line in self.ready if line.pair]


class _Problem(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(slots=True)
class _Found:
    """What the words of all rows name: lower-cased or as written → those who are called so."""

    people: dict[str, list[User]] = field(default_factory=dict)
    badges: dict[str, list[Badge]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    meant: dict[str, str] = field(default_factory=dict)

    def probably_meant(self, word: str) -> str:
        """The name of a badge that is close to a word, found once for all rows that have the word."""
        key = _key(word)
        if key not in self.meant and len(self.meant) < MOST_SUGGESTIONS:
            self.meant[key] = next(iter(get_close_matches(word, self.names, n=1, cutoff=0.6)), "")
        return self.meant.get(key, "")


def check(table: Table, *, mapping: Mapping[str, str], given: Given, actor: User | None) -> Checked:
    """Every row of a list, in its order. Raises DomainError where no row could be read at all."""
    _check_size(table)
    if Field.LEARNER not in mapping:
        message = _("Say which column names the learners, by e-mail address or external ID.")
        raise DomainError("no_learner_column", message, fields={Field.LEARNER.value: [message]})
    if Field.BADGE not in mapping and given.badge is None:
        message = _("Say which column names the badges, or choose one badge for all rows.")
        raise DomainError("no_badge_column", message, fields={Field.BADGE.value: [message]})
    cells = {
        row.line: {item: row.cells.get(name, "") for item, name in mapping.items()}
        for row in table.rows
        if isinstance(row, Row)
    }
    found = _Found()
    _find_people({of.get(Field.LEARNER, "") for of in cells.values()}, found, actor=actor)
    _find_badges({of.get(Field.BADGE, "") for of in cells.values()}, found, actor=actor)
    lines = [_line(row, cells.get(row.line, {}), found=found, given=given) for row in table.rows]
    return Checked(lines=tuple(_foreseen(_without_repeats(lines), actor=actor)))


def _check_size(table: Table) -> None:
    if not table.rows:
        raise DomainError("no_rows", _("The list has no rows below its header."))
    if len(table.rows) > MOST_ROWS:
        raise DomainError(
            "too_many_rows",
            _("The list has %(found)d rows; at most %(most)d are allowed. Split it.")
            % {"found": len(table.rows), "most": MOST_ROWS},
        )


# --- One row ------------------------------------------------------------------------------------------------


def _line(row: Row | BadRow, cells: Cells, *, found: _Found, given: Given) -> Line:
    if isinstance(row, BadRow):
        return Line(number=row.line, cells=cells, code="unreadable", message=row.message)
    try:
        return Line(number=row.line, cells=cells, pair=_pair(cells, found=found, given=given))
    except _Problem as problem:
        return Line(number=row.line, cells=cells, code=problem.code, message=problem.message)


def _pair(cells: Cells, *, found: _Found, given: Given) -> Pair:
    if any(REPLACED in cell for cell in cells.values()):
        raise _Problem("not_text", _("A sign of this row cannot be read. Save the file as CSV in UTF-8."))
    learner = _learner(cells.get(Field.LEARNER, ""), found)
    badge = _badge(cells.get(Field.BADGE, ""), found, given)
    note = cells.get(Field.NOTE, "") or given.note
    if len(note) > LONGEST_NOTE:
        raise _Problem(
            "note",
            _("The note has %(found)d characters; at most %(most)d are allowed.")
            % {"found": len(note), "most": LONGEST_NOTE},
        )
    return Pair(
        badge=badge,
        learner=learner,
        reason=note,
        issued_at=_issued_at(cells.get(Field.ISSUED_AT, "") or given.issued_at, badge),
        evidence=_evidence(cells),
    )


def _learner(word: str, found: _Found) -> User:
    if not word:
        raise _Problem("no_learner", _("No learner is named; an e-mail address or an external ID is needed."))
    people = found.people.get(_key(word), [])
    if not people:
        raise _Problem(
            "unknown_learner",
            _("%(found)s is nobody you can issue to; an e-mail address or an external ID is needed.")
            % {"found": _shown(word)},
        )
    if len(people) > 1:
        raise _Problem(
            "ambiguous_learner",
            _("%(found)s is the ID of one person and the external ID of another. Write the e-mail address.")
            % {"found": _shown(word)},
        )
    return people[0]


def _badge(word: str, found: _Found, given: Given) -> Badge:
    if not word:
        if given.badge is None:
            raise _Problem("no_badge", _("No badge is named; its ID, external ID or name is needed."))
        return given.badge
    badges = found.badges.get(_key(word), [])
    if not badges:
        message = _("%(found)s is no badge you can issue; its ID, external ID or name is needed.") % {
            "found": _shown(word)
        }
        if meant := found.probably_meant(word):
            message += " " + _("Did you mean %(name)s?") % {"name": _shown(meant)}
        raise _Problem("unknown_badge", message)
    can_be_issued = [badge for badge in badges if badge.is_active and badge.enable_manual_issuance]
    chosen = can_be_issued or badges
    if len(chosen) > 1:
        raise _Problem(
            "ambiguous_badge",
            _("%(count)d badges are called %(found)s. Write the ID of one: %(allowed)s.")
            % {
                "count": len(chosen),
                "found": _shown(word),
                "allowed": ", ".join(f"{badge.pk} ({badge.organization})" for badge in chosen[:5]),
            },
        )
    return chosen[0]


def _issued_at(word: str, badge: Badge) -> datetime | None:
    """A moment, or the beginning of a day in the zone of the badge's organization.

    None is now; so is a day that has begun where its reader is and not yet where the organization is.
    """
    if not word:
        return None
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        raise _Problem(
            "issued_at",
            _("%(found)s is no date. Write it as in 2026-03-31, or with a time as in 2026-03-31T09:00+02:00.")
            % {"found": _shown(word)},
        ) from None
    moment = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(badge.organization.time_zone))
    now, is_day = timezone.now(), len(word) <= len("2026-03-31")
    if is_day and moment > now and found.date() <= timezone.localdate(now):
        return None
    if not datetime(1970, 1, 2, tzinfo=UTC) <= moment <= now + timedelta(minutes=1):
        raise _Problem(
            "issued_at",
            _("%(found)s is found; a date from 1970 until now is allowed.") % {"found": _shown(word)},
        )
    return moment


def _evidence(cells: Cells) -> tuple[Evidence, ...]:
    url, name = cells.get(Field.EVIDENCE_URL, ""), cells.get(Field.EVIDENCE_NAME, "")
    if not (url or name):
        return ()
    evidence = (Evidence(name=name, url=url),)
    try:
        to_keep(evidence)
    except DomainError as error:
        raise _Problem("evidence", error.message) from error
    return evidence


# --- All rows together --------------------------------------------------------------------------------------


def _without_repeats(lines: Iterable[Line]) -> Iterable[Line]:
    """The first of those that name the same badge and learner counts."""
    first: dict[tuple[int, int], int] = {}
    for line in lines:
        if line.pair is None or (earlier := first.setdefault(line.pair.key, line.number)) == line.number:
            yield line
        else:
            message = _("Row %(number)d names the same learner and badge.") % {"number": earlier}
            yield replace(line, pair=None, code="duplicate", message=message)


def _foreseen(lines: Iterable[Line], *, actor: User | None) -> Iterable[Line]:
    """What issuing would refuse now."""
    lines = list(lines)
    refusals = foresee([line.pair for line in lines if line.pair], actor=actor)
    for line in lines:
        refusal = refusals.get(line.pair.key) if line.pair else None
        yield replace(line, code=refusal[0], message=refusal[1]) if refusal else line


def _find_people(words: set[str], found: _Found, *, actor: User | None) -> None:
    """A bare number is an external ID and never ours: it may be of somebody who is not here yet."""
    people = User.objects.all() if actor is None else User.objects.for_user(actor, Action.ISSUE)
    known = people.filter(
        Q(email__in=[normalize_email(word) for word in words if "@" in word])
        | Q(external_id__in=[word.removeprefix("ext:") for word in words if word])
        | Q(pk__in=_own_ids(words))
    )
    for person in known.order_by("pk"):
        for name in {_key(person.email), *_external_names(person.external_id), f"id:{person.pk}"}:
            found.people.setdefault(name, []).append(person)


def _find_badges(words: set[str], found: _Found, *, actor: User | None) -> None:
    if words <= {""}:
        return
    badges = Badge.objects.all() if actor is None else Badge.objects.for_user(actor, Action.ISSUE)
    badges = badges.select_related("badge_provider", "organization").defer("badge_provider__token")
    for badge in badges.order_by("pk"):
        for name in {_key(badge.name), *_external_names(badge.external_id), str(badge.pk)}:
            found.badges.setdefault(name, []).append(badge)
        found.names.append(badge.name)


def _external_names(external_id: str | None) -> set[str]:
    return {_key(external_id), _key(f"ext:{external_id}")} if external_id else set()


def _own_ids(words: set[str]) -> list[int]:
    found = [_key(word).removeprefix("id:") for word in words if _key(word).startswith("id:")]
    return [int(word) for word in found if word.isascii() and word.isdigit() and len(word) < 19]


def _key(word: str) -> str:
    return " ".join(word.split()).casefold()


def _shown(word: str) -> str:
    return f"“{word}”" if len(word) <= _SHOWN else f"“{word[:_SHOWN]}…”"


def told(checked: Checked) -> str:
    """What would be issued, in a sentence."""
    ready = ngettext("%d badge can be issued.", "%d badges can be issued.", len(checked.ready))
    text = ready % len(checked.ready)
    if checked.problems:
        count = len(checked.problems)
        text += " " + ngettext("%d row cannot be used.", "%d rows cannot be used.", count) % count
    return text


def as_data(line: Line) -> dict[str, Any]:
    """A row as programs read it."""
    return {
        "row": line.number,
        "learner": line.cells.get(Field.LEARNER, ""),
        "badge": line.pair.badge.pk if line.pair else line.cells.get(Field.BADGE, ""),
        "user": line.pair.learner.pk if line.pair else None,
        "code": line.code or "ready",
        "message": line.message,
    }
