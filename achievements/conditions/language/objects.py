"""What reading a condition and reading a group have in common, and the values that both read."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from achievements.conditions.language.doubts import Hint
from achievements.conditions.language.words import (
    MAX_KIND,
    MAX_NUMBER,
    NAME_OF_FOLDED,
    nearest_key,
)
from achievements.conditions.text import Array, Member, Node, Object, Report, Scalar, pointer_to, shown


class ObjectReader:
    """What reading a condition and reading a group have in common: known keys and places."""

    def __init__(self, node: Object, *, report: Report, pointer: str) -> None:
        self.node = node
        self.report = report
        self.pointer = pointer
        # By the known spelling of their keys, in text order; those with null are absent.
        self.members: dict[str, Member] = {}
        self.strangers: list[Member] = []
        self.errors_before = len(report.errors)
        self.collect_members()

    def collect_members(self) -> None:
        seen: set[str] = set()
        for member in self.node.members:
            name = NAME_OF_FOLDED.get(member.key.casefold())
            if member.key.casefold() in seen:
                message = _("%(key)s is written twice between these braces.") % {"key": shown(member.key)}
                self.error("duplicate_key", message, at=member.at, key=name or member.key)
            elif name is None:
                self.strangers.append(member)
            elif not is_null(member.value):
                self.members[name] = member
            seen.add(member.key.casefold())

    def refuse_strangers(self, known: Sequence[str]) -> None:
        for member in self.strangers:
            found, nearest = shown(member.key), nearest_key(member.key, rather=known)
            names = {"key": found, "nearest": nearest, "keys": ", ".join(known)}
            if nearest:
                message = _("%(key)s: did you mean %(nearest)s? Known here are %(keys)s.")
            else:
                message = _("%(key)s is not a known key. Known here are %(keys)s.")
            self.error("unknown_key", message % names, at=member.at, key=member.key)

    def read_number(
        self, key: str, node: Node, *index: int, least: int, most: int = MAX_NUMBER
    ) -> int | None:
        number = whole_number(node)
        if number is not None and least <= number <= most:
            return number
        message = _(
            "%(key)s takes whole numbers from %(least)d to %(most)d, without quotes or decimals; "
            "found %(found)s."
        )
        names = {"key": key, "least": least, "most": most, "found": found(node)}
        code = "wrong_type" if number is None else "out_of_range"
        self.error(code, message % names, at=node.at, key=key, index=index)
        return None

    # places

    def has_errors(self) -> bool:
        return len(self.report.errors) > self.errors_before

    def pointer_of(self, key: str | None, index: tuple[int, ...] = ()) -> str:
        return self.pointer if key is None else self.pointer + pointer_to(key, *index)

    def place_of(self, key: str) -> int:
        """Where the key stands, or the whole object if it is absent."""
        return self.members[key].at if key in self.members else self.node.at

    def error(
        self, code: str, message: str, *, at: int, key: str | None = None, index: tuple[int, ...] = ()
    ) -> None:
        self.report.error(code, message, at=at, pointer=self.pointer_of(key, index))

    def hint(self, hint: Hint) -> None:
        pointer = self.pointer_of(hint.key if hint.key in self.members else None)
        self.report.hint(hint.code, hint.message, at=self.place_of(hint.key), pointer=pointer)


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def kind_of(node: Node) -> str | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not (node.quoted or is_name(node)):
        return None
    kind = node.value.strip().lower()
    return kind if 0 < len(kind) <= MAX_KIND and kind.isprintable() and " " not in kind else None


def whole_number(node: Node) -> int | None:
    if not isinstance(node, Scalar) or node.quoted or isinstance(node.value, bool):
        return None
    return node.value if isinstance(node.value, int) else None


def is_name(node: Node) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, str) and node.value.strip()[:1].isalpha()


def found(node: Node) -> str:
    if isinstance(node, Array):
        return _("a list")
    if isinstance(node, Object):
        return _("an object in braces")
    return shown(node.raw)
