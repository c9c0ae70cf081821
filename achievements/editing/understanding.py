"""What is understood of conditions while they are typed, by saving's own reader and hints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from achievements.authoring import ancestry, check_conditions, nameable
from achievements.conditions import language
from achievements.conditions.explain import outline
from achievements.conditions.language import ConditionError, Remark
from achievements.conditions.names import names_of
from achievements.conditions.things import REFERENCED
from achievements.editing import builder
from tms.errors import DomainError

if TYPE_CHECKING:
    from achievements.conditions.explain import Outline
    from achievements.conditions.language import Rule
    from achievements.editing.builder import ConditionRow, GroupRow, Part
    from achievements.models import Achievement
    from tms.models import Organization, User


@dataclass(frozen=True, kw_only=True)
class Told:
    """A remark as it is listed. `line` is 0 where it is about the rule as a whole."""

    tone: str
    message: str
    line: int
    column: int


@dataclass(frozen=True, kw_only=True)
class Understood:
    """`text` with what it means (`outline`) as far as it can be read, and what is remarked about it.

    `corrected` is what was probably meant. `rows` are the builder's; where it cannot show the text,
    `unshown` says why.
    """

    text: str
    outline: Outline | None
    told: tuple[Told, ...]
    corrected: str
    rows: tuple[ConditionRow | GroupRow, ...]
    unshown: str

    @property
    def has_errors(self) -> bool:
        return any(told.tone == "danger" for told in self.told)


def understand(draft: Achievement, *, actor: User, parts: Sequence[Part] | None = None) -> Understood:
    """Of the text of a draft, or of the builder's `parts`, whose text the draft is then given."""
    if parts is not None:
        draft.conditions_text = builder.text_of(parts)
    rule, readable, refusal = _checked(draft, actor=actor)
    errors, corrected = _mistakes(refusal)
    hints = [*rule.notices, *rule.hints] if rule else []
    unshown = ""
    if parts is None:
        parts, unshown = _parts_of(readable)
    names = _names(draft, parts, actor=actor)
    return Understood(
        text=draft.conditions_text,
        outline=outline(rule, names_of([rule])) if rule else None,
        told=(*(_told("danger", error) for error in errors), *(_told("warning", hint) for hint in hints)),
        corrected=corrected,
        rows=builder.rows_of(parts, names=names, errors=errors, hints=hints),
        unshown=unshown,
    )


def _checked(draft: Achievement, *, actor: User) -> tuple[Rule | None, Rule | None, DomainError | None]:
    """The rule that is fit to be saved and told; the one that could at least be read; what was refused."""
    try:
        readable = language.read(draft.conditions_text)
    except ConditionError:
        readable = None
    if organization_of(draft) is None:  # nothing can be looked up
        return readable if readable and not language.referenced_ids(readable) else None, readable, None
    try:
        return check_conditions(draft, actor=actor), readable, None
    except DomainError as refusal:
        return None, readable, refusal


def organization_of(draft: Achievement) -> Organization | None:
    """None where it has not been chosen yet."""
    found: Organization | None = getattr(draft, "organization", None)
    return found


def _mistakes(refusal: DomainError | None) -> tuple[list[Remark], str]:
    if refusal is None:
        return [], ""
    found = refusal.data.get("remarks")
    if not found:
        return [Remark(refusal.code, refusal.message, 0, 0, "")], ""
    return [Remark(**remark) for remark in found], refusal.data.get("corrected") or ""


def _told(tone: str, remark: Remark) -> Told:
    return Told(tone=tone, message=remark.message, line=remark.line, column=remark.column)


def _parts_of(readable: Rule | None) -> tuple[Sequence[Part], str]:
    if readable is None:
        return [], _("The builder shows the rule again once its text can be read.")
    if not builder.can_show(readable):
        return [], _("This rule is too long for the builder. Its text stays as it is.")
    return builder.parts_of(readable), ""


def _names(draft: Achievement, parts: Iterable[Part], *, actor: User) -> dict[str, dict[int, str]]:
    wanted = {key: {pk for ids in lists for pk in ids} for key, lists in builder.named(parts).items()}
    organization = organization_of(draft)
    if not wanted or organization is None:
        return {}
    line = ancestry(organization)
    return {key: names_among(key, ids, line=line, actor=actor) for key, ids in wanted.items()}


def names_among(key: str, ids: Iterable[int], *, line: list[int], actor: User) -> dict[int, str]:
    """Of the things that `key` names, those that this administrator may name."""
    rows: Any = nameable(REFERENCED[key], line=line, actor=actor)
    return dict(rows.filter(pk__in=set(ids)).values_list("pk", "name"))
