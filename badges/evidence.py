"""What stands behind a badge: given by whoever issues it by hand, else named by what led to it.

What led to it is known to the apps above, so each offers, as EVIDENCE in its module `evidence`, how to read
what stands behind the sources it writes (achievements.evidence). It is asked for when rows are about to be
sent, and never stored: what a record says can be read again, and is told to nobody who is not to have it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _

from badges.models import IssuedBadge
from badges.typed import problem_of
from providers.base import Evidence
from tms.contributions import contributed
from tms.errors import DomainError

MOST = 10
NAME_LENGTH, DESCRIPTION_LENGTH, URL_LENGTH = 200, 2_000, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """How to read the evidence of one kind of source, for many of its keys in a few queries.

    A key that says nothing any more is left out.
    """

    source: IssuedBadge.Source
    read: Callable[[Collection[str]], Mapping[str, Evidence]]


def to_keep(evidence: Sequence[Evidence]) -> list[dict[str, str]]:
    """Evidence as a row keeps it. Raises DomainError that names each item at fault by its number."""
    problems = [
        _("Evidence %(number)d: %(problem)s") % {"number": number, "problem": problem}
        for number, item in enumerate(evidence, start=1)
        if (problem := _problem(item))
    ]
    if len(evidence) > MOST:
        problems.append(
            _("At most %(most)d pieces of evidence, not %(count)d.") % {"most": MOST, "count": len(evidence)}
        )
    if problems:
        raise DomainError("evidence", " ".join(problems), fields={"evidence": problems})
    return [asdict(item) for item in evidence]


def _problem(item: Evidence) -> str:
    if not (item.name.strip() or item.url):
        return _("it needs a name or an address.")
    for text, most in (
        (item.name, NAME_LENGTH),
        (item.description, DESCRIPTION_LENGTH),
        (item.url, URL_LENGTH),
    ):
        if problem := problem_of(text, most=most):
            return problem
    if item.url:
        try:
            URLValidator(schemes=["https", "http"])(item.url)
        except ValidationError:
            return _("%(url)s is not an address that starts with https:// or http://.") % {"url": item.url}
    return ""


def with_evidence(rows: list[IssuedBadge]) -> list[IssuedBadge]:
    """The same rows, in memory with what stands behind those that were given no evidence of their own."""
    for behind in contributed("evidence"):
        asking = [row for row in rows if row.source_kind == behind.source and not row.evidence]
        if not asking:
            continue
        found = behind.read({row.source_key for row in asking})
        for row in asking:
            if told := found.get(row.source_key):
                row.evidence = [asdict(told)]
    return rows
