"""Reading a rule: text becomes conditions and groups, or the errors say where and why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress

from django.utils.translation import gettext as _

from achievements.conditions.language.condition import ConditionReader
from achievements.conditions.language.doubts import Hint
from achievements.conditions.language.objects import ObjectReader, found, is_null
from achievements.conditions.language.rules import Condition, Group, Rule
from achievements.conditions.language.words import (
    GROUP_KEYS,
    GROUPS,
    KEYS,
    MAX_CONDITIONS,
    MAX_IDS,
    NAME_OF_FOLDED,
    Shape,
)
from achievements.conditions.text import (
    MAX_BYTES,
    Array,
    Node,
    Object,
    Remark,
    Report,
    Scalar,
    Stop,
    in_text_order,
    parse,
    pointer_to,
    write_rows,
)


class ConditionError(Exception):
    """The text is not a rule. `remarks` holds the errors in text order; after MAX_ERRORS reading stopped.

    `corrected` is the text as it was probably meant, where only brackets, braces, colons or commas were
    wrong. It can be read.
    """

    def __init__(self, remarks: tuple[Remark, ...], *, corrected: str | None = None) -> None:
        super().__init__(remarks)
        self.remarks = remarks
        self.corrected = corrected

    def __str__(self) -> str:
        place = _("Line %(line)d, column %(column)d: %(message)s")
        lines = [
            place % {"line": remark.line, "column": remark.column, "message": remark.message}
            for remark in self.remarks
        ]
        if self.corrected is not None:
            lines.append(_("Did you mean: %(text)s") % {"text": self.corrected})
        return "\n".join(lines)


def _nothing(_condition: Condition) -> Iterable[Hint]:
    return ()


def read(text: str, *, about: Callable[[Condition], Iterable[Hint]] = _nothing) -> Rule:
    """The rule that an administrator typed. Raises ConditionError and nothing else, and takes linear time.

    No text, or an empty list, is the rule without conditions; the caller decides whether it may be saved.
    `about`: what the caller has to say besides about a condition, knowing what its ids stand for.
    """
    report = Report(text)
    tree: Array | None = None
    conditions: tuple[Condition | Group, ...] = ()
    try:
        tree = parse(text, report)
        conditions = _RuleReader(report, about=about).read_list(tree.items)
    except Stop:
        pass
    if report.errors:
        raise ConditionError(in_text_order(report.errors), corrected=_corrected(tree, report))
    return Rule(conditions, in_text_order(report.hints), in_text_order(report.notices))


def unknown_ids(text: str, missing: Mapping[str, Set[int]]) -> ConditionError:
    """The error to raise where ids of referenced_ids(read(text)) do not exist, with their places in the text.

    `missing` has the shape of referenced_ids().
    """
    report = Report(text)
    with suppress(Stop):  # As many errors as anybody reads are reported.
        _report_unknown_ids(parse(text, report).items, missing, report=report)
    return ConditionError(in_text_order(report.errors))


def _corrected(tree: Array | None, report: Report) -> str | None:
    if tree is None or not report.is_repaired:
        return None
    text = write_rows(tree)
    return text if len(text.encode()) <= MAX_BYTES else None


def _report_unknown_ids(
    nodes: Iterable[Node], missing: Mapping[str, Set[int]], *, report: Report, pointer: str = ""
) -> None:
    message = _("%(key)s names %(id)d, which does not exist or is not yours to use.")
    for index, node in enumerate(nodes):
        for member in node.members if isinstance(node, Object) else ():
            name = NAME_OF_FOLDED.get(member.key.casefold(), "")
            items = member.value.items if isinstance(member.value, Array) else (member.value,)
            place = pointer + pointer_to(index, name)
            if name in GROUP_KEYS:
                _report_unknown_ids(items, missing, report=report, pointer=place)
            for position, item in enumerate(items if name in missing else ()):
                if isinstance(item, Scalar) and item.value in missing[name]:
                    numbers = {"key": name, "id": item.value}
                    report.error(
                        "unknown_id", message % numbers, at=item.at, pointer=place + pointer_to(position)
                    )


class _RuleReader:
    """Reads lists of conditions and groups, and watches over how much one rule may hold."""

    def __init__(self, report: Report, *, about: Callable[[Condition], Iterable[Hint]]) -> None:
        self.report = report
        self.about = about
        # Nothing of the text is lost, so that what is absent was not written either.
        self.is_whole = report.is_repaired
        self.conditions_read = 0
        self.ids_named = 0

    def read_list(self, nodes: Sequence[Node], *, pointer: str = "") -> tuple[Condition | Group, ...]:
        parts = [
            self.read_part(node, pointer=pointer + pointer_to(index)) for index, node in enumerate(nodes)
        ]
        return tuple(part for part in parts if part is not None)

    def read_part(self, node: Node, *, pointer: str) -> Condition | Group | None:
        if not isinstance(node, Object):
            message = _('A condition is an object such as {"Subject": 0, "Count": 1}; found %(found)s.')
            self.report.error(
                "not_a_condition", message % {"found": found(node)}, at=node.at, pointer=pointer
            )
            return None
        if _is_group(node):
            return _GroupReader(node, report=self.report, pointer=pointer).read(self)
        return self.read_condition(node, pointer=pointer)

    def read_condition(self, node: Object, *, pointer: str) -> Condition | None:
        self.conditions_read += 1
        if self.conditions_read > MAX_CONDITIONS:
            message = _("With this condition the rule has more than %(limit)d; no more are read.")
            limit = {"limit": MAX_CONDITIONS}
            self.report.error("too_many_conditions", message % limit, at=node.at, pointer=pointer)
            raise Stop
        reader = ConditionReader(node, report=self.report, pointer=pointer)
        condition = reader.read(is_whole=self.is_whole)
        if condition is not None:
            self.count_ids(condition, at=node.at, pointer=pointer)
            for hint in self.about(condition):
                reader.hint(hint)
        return condition

    def count_ids(self, condition: Condition, *, at: int, pointer: str) -> None:
        before = self.ids_named
        self.ids_named += sum(
            len(getattr(condition, key.field)) for key in KEYS.values() if key.shape is Shape.IDS
        )
        if before <= MAX_IDS < self.ids_named:
            message = _("With this condition the rule names more than %(limit)d ids.") % {"limit": MAX_IDS}
            self.report.error("too_many_ids", message, at=at, pointer=pointer)


class _GroupReader(ObjectReader):
    """Reads one group and, through the reader of the rule, what is in it."""

    def read(self, rule: _RuleReader) -> Group | None:
        keys = self.keys_of_group()
        self.refuse_strangers(GROUP_KEYS)
        self.refuse_keys_beside(keys)
        if rule.is_whole and not self.strangers:
            self.refuse_what_is_incomplete(keys)
        parts = self.read_parts(keys[-1], rule)
        least = self.read_least(keys[0], parts)
        if least is None or not rule.is_whole or self.has_errors():
            return None
        if least > len(parts):
            message = _("Nobody can meet this: AtLeast asks for %(least)d of %(parts)d.")
            self.hint(Hint("never_met", message % {"least": least, "parts": len(parts)}, "AtLeast"))
        return Group(least=least, parts=parts)

    def keys_of_group(self) -> tuple[str, ...]:
        """Those of the sort of group that comes first in the text."""
        first = next(name for name in self.members if name in GROUP_KEYS)
        return next(keys for keys in GROUPS if first in keys)

    def refuse_keys_beside(self, keys: tuple[str, ...]) -> None:
        for name, member in self.members.items():
            if name not in keys:
                message = (
                    _("%(key)s cannot stand beside %(group)s: each group needs braces of its own.")
                    if name in GROUP_KEYS
                    else _(
                        "%(key)s cannot stand beside %(group)s: write it into the conditions of the group."
                    )
                )
                names = {"key": name, "group": keys[0]}
                self.error("beside_group", message % names, at=member.at, key=name)

    def refuse_what_is_incomplete(self, keys: tuple[str, ...]) -> None:
        for name in keys:
            if name not in self.members:
                message = _("This group lacks %(key)s. Write {AtLeast:2, Of:[ … ]}.") % {"key": name}
                self.error("incomplete_group", message, at=self.node.at)

    def read_parts(self, key: str, rule: _RuleReader) -> tuple[Condition | Group, ...]:
        if key not in self.members:
            return ()
        node = self.members[key].value
        if not isinstance(node, Array):
            message = _("%(key)s takes a list of conditions in square brackets, [ … ]; found %(found)s.")
            self.error("wrong_type", message % {"key": key, "found": found(node)}, at=node.at, key=key)
            return ()
        if rule.is_whole and not node.items:
            message = _("There is no condition in this group.")
            self.error("empty_group", message, at=node.at, key=key)
        return rule.read_list(node.items, pointer=self.pointer_of(key))

    def read_least(self, key: str, parts: Sequence[Condition | Group]) -> int | None:
        if key == "AtLeast":
            return self.read_number(key, self.members[key].value, least=1) if key in self.members else None
        return len(parts) if key == "All" else 1


def _is_group(node: Object) -> bool:
    return any(
        NAME_OF_FOLDED.get(member.key.casefold()) in GROUP_KEYS and not is_null(member.value)
        for member in node.members
    )
