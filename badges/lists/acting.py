"""A list on its way to an act: kept with what its maker chose, confirmed once, told row by row afterwards."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.by_hand import act_on
from badges.lists.checking import Checked, Given, check
from badges.lists.reading import Field, read, usable
from badges.models import Badge, IssuedBadge, IssuingAct, IssuingList
from badges.results import Result, results_of
from tms.access import Action, require
from tms.csv_file import Row, harmless
from tms.errors import DomainError
from tms.models import User


def keep(
    text: str,
    *,
    actor: User,
    file_name: str = "",
    badge: Badge | None = None,
    issued_at: str = "",
    note: str = "",
) -> IssuingList:
    """A new list, its columns guessed. Raises DomainError for a text of which nothing can be used."""
    table = read(text)
    if not table.rows:
        message = _("The list has no rows below its header.")
        raise DomainError("no_rows", message, fields={"text": [message]})
    return IssuingList.objects.create(
        actor=actor,
        organization_id=actor.organization_id,
        file_name=file_name[:200],
        text=text,
        mapping=table.guess,
        badge=badge,
        issued_at=issued_at,
        note=note,
    )


def lists_of(user: User) -> QuerySet[IssuingList]:
    """Their own, and those of their organization that were confirmed; what others prepare is theirs."""
    rows = IssuingList.objects.for_user(user, Action.SEE_OWN)
    return rows.filter(Q(actor=user) | Q(act__isnull=False)).select_related(
        "act__undone_by", "act__actor", "actor"
    )


def change(
    kept: IssuingList, *, mapping: Mapping[str, str], badge: Badge | None, issued_at: str, note: str
) -> None:
    """Another choice of columns and of what counts for all rows; not of a list that was confirmed."""
    mapping = usable(mapping, read(kept.text))
    IssuingList.objects.filter(pk=kept.pk, act=None).update(
        mapping=mapping, badge=badge, issued_at=issued_at, note=note
    )
    kept.refresh_from_db()


def checked(kept: IssuingList, *, actor: User) -> Checked:
    """Every row as it stands now, before it is confirmed."""
    badge = (
        Badge.objects.select_related("badge_provider", "organization").filter(pk=kept.badge_id).first()
        if kept.badge_id
        else None
    )
    given = Given(badge=badge, issued_at=kept.issued_at, note=kept.note)
    return check(read(kept.text), mapping=kept.mapping, given=given, actor=actor)


def fingerprint(kept: IssuingList) -> str:
    """Of what was chosen and can be changed until it is confirmed: another when that is another."""
    chosen = [sorted(kept.mapping.items()), kept.badge_id, kept.issued_at, kept.note]
    return hashlib.sha256(json.dumps(chosen).encode()).hexdigest()


def issue_list(kept: IssuingList, *, actor: User, seen: str) -> IssuingAct:
    """Issue every row that can be, as one act; bad rows stop no good one. Confirming twice does it once.

    `seen` is the fingerprint of what its maker saw checked: something else is not confirmed by them.
    """
    require(actor, Action.SEE_OWN, kept)
    with transaction.atomic():
        kept = IssuingList.objects.select_for_update(of=("self",)).select_related("act").get(pk=kept.pk)
        if kept.act:
            return kept.act
        if fingerprint(kept) != seen:
            raise DomainError(
                "changed",
                _("The columns, or what counts for all rows, have changed since you looked. Look again."),
            )
        rows = checked(kept, actor=actor)
        if not rows.ready:
            raise DomainError("nothing_ready", _("No row of this list can be issued."))
        act = act_on(
            rows.pairs,
            positions=[line.number for line in rows.ready],
            actor=actor,
            source=IssuedBadge.Source.LIST,
            source_key=str(kept.pk),
            token=kept.token,
            file_name=kept.file_name,
            reason=kept.note,
        )
        refusals = [[line.number, line.code, line.message] for line in rows.problems]
        IssuingList.objects.filter(pk=kept.pk).update(act=act, refusals=refusals)
    return act


def result_file(kept: IssuingList) -> Iterator[str]:
    """Every row of a list with what became of it by now, as lines of a CSV file for spreadsheets."""
    table = read(kept.text)
    cells = {row.line: row.cells for row in table.rows if isinstance(row, Row)}
    done = results_of(kept.act).all if kept.act else ()
    results = {result.outcome.position: result for result in done}
    refusals = {number: message for number, _code, message in kept.refusals}
    fields = [field for field in Field if field in kept.mapping]
    head = [_("row"), *(str(field.label) for field in fields), _("outcome"), _("message"), _("issued")]
    yield "\ufeff" + _csv_line([*head, _("page at the provider"), _("issued badge")])
    for row in table.rows:
        given = cells.get(row.line, {})
        words = [given.get(kept.mapping[field], "") for field in fields]
        yield _csv_line([str(row.line), *words, *_told(results.get(row.line), refusals.get(row.line, ""))])


def _told(result: Result | None, refusal: str) -> list[str]:
    if result is None:
        return [_("Not issued"), refusal, "", "", ""]
    row = result.issued_badge
    if row is None:
        return [str(result.state.label), result.words, "", "", ""]
    when = timezone.localtime(row.issued_at).isoformat(timespec="seconds") if row.issued_at else ""
    words = result.words or ("" if result.is_issued else result.label)
    return [str(result.state.label), words, when, row.external_url, str(row.pk)]


def _csv_line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([harmless(cell) for cell in cells])
    return line.getvalue()
