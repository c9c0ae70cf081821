"""Reading one condition: everything that is wrong about it is reported, and what is doubtful remarked."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from achievements.conditions.language.doubts import doubts_about
from achievements.conditions.language.moments import moment_from
from achievements.conditions.language.objects import ObjectReader, found, is_name, kind_of, whole_number
from achievements.conditions.language.rules import Condition
from achievements.conditions.language.words import (
    AMOUNTS,
    CLASHES,
    KEYS,
    LIMITS,
    SUBJECT_OF_NAME,
    SUBJECTS,
    YEARS,
    Key,
    Shape,
    Subject,
    folded_name,
    keys_of,
    label,
    subject_labels,
)
from achievements.conditions.text import Array, Node, Scalar


class ConditionReader(ObjectReader):
    """Reads one condition and reports everything that is wrong or doubtful about it."""

    def read(self, *, is_whole: bool) -> Condition | None:
        """`is_whole`: nothing of the text is lost, so that what is absent was not written either."""
        subject = self.read_subject()
        self.refuse_strangers(keys_of(subject))
        if subject is not None:
            self.refuse_keys_of_others(subject)
        values: dict[str, Any] = {
            KEYS[name].field: self.read_value(KEYS[name], member.value)
            for name, member in self.members.items()
            if name != "Subject"
        }
        if subject is None or not is_whole or self.has_errors():
            return None
        condition = Condition(subject=subject, **values)
        self.refuse_clashes(condition)
        self.refuse_what_asks_nothing(condition)
        if self.has_errors():
            return None
        for hint in doubts_about(condition, typed=values):
            self.hint(hint)
        return condition

    # keys

    def refuse_keys_of_others(self, subject: Subject) -> None:
        allowed = keys_of(subject)
        for name, member in self.members.items():
            if name in allowed:
                continue
            owners = subject_labels(owner for owner, row in SUBJECTS.items() if name in row.keys)
            names = {"key": name, "owners": owners, "subject": label(subject), "keys": ", ".join(allowed)}
            if "Subject" in self.members:
                message = _("%(key)s belongs to Subject %(owners)s, not to Subject %(subject)s.")
            else:
                message = _("%(key)s belongs to Subject %(owners)s. Without a Subject this is %(subject)s.")
            sentences = (message, str(KEYS[name].only), _("Allowed here are %(keys)s."))
            self.error("foreign_key", " ".join(filter(None, sentences)) % names, at=member.at, key=name)

    # values

    def read_subject(self) -> Subject | None:
        """Absent is Lab, as documented. None, with an error, where it cannot be read."""
        member = self.members.get("Subject")
        if member is None:
            return Subject.LAB
        node = member.value
        if isinstance(node, Scalar) and isinstance(node.value, str):
            subject = SUBJECT_OF_NAME.get(folded_name(node.value))
        else:
            number = whole_number(node)
            subject = next((known for known in SUBJECTS if known == number), None)
        if subject is None:
            self.refuse_subject(node)
        return subject

    def refuse_subject(self, node: Node) -> None:
        names = {"found": found(node), "subjects": subject_labels(SUBJECTS)}
        if whole_number(node) is not None or is_name(node):
            message = _("Subject %(found)s is not known: known subjects are %(subjects)s.")
            self.error("unknown_subject", message % names, at=node.at, key="Subject")
        else:
            message = _(
                "Subject takes one of these numbers, without quotes, or names: %(subjects)s; found %(found)s."
            )
            self.error("wrong_type", message % names, at=node.at, key="Subject")

    def read_value(self, key: Key, node: Node) -> object:
        match key.shape:
            case Shape.SWITCH:
                return self.read_switch(key.name, node)
            case Shape.IDS | Shape.KINDS:
                return self.read_items(key, node)
            case Shape.MOMENT:
                return self.read_moment(key.name, node)
            case _:
                least, most = LIMITS[key.shape]
                return self.read_number(key.name, node, least=least, most=most)

    def read_switch(self, key: str, node: Node) -> bool | None:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        message = _("%(key)s must be true or false, without quotes; found %(found)s.")
        self.error("wrong_type", message % {"key": key, "found": found(node)}, at=node.at, key=key)
        return None

    def read_items(self, key: Key, node: Node) -> tuple[int | str, ...]:
        if isinstance(node, Array):
            items = [self.read_item(key, item, index) for index, item in enumerate(node.items)]
            return tuple(item for item in items if item is not None)
        item = self.read_item(key, node)
        if item is None:
            return ()
        code = "single_id" if key.shape is Shape.IDS else "single_kind"
        message = _("%(key)s is a single value without brackets: it is read as [%(item)s].")
        names = {"key": key.name, "item": item}
        self.report.notice(code, message % names, at=node.at, pointer=self.pointer_of(key.name))
        return (item,)

    def read_item(self, key: Key, node: Node, *index: int) -> int | str | None:
        if key.shape is Shape.IDS:
            return self.read_number(key.name, node, *index, least=1)
        kind = kind_of(node)
        if kind is None:
            message = _(
                "%(key)s takes words without spaces, such as session or lesson_completed; found %(found)s."
            )
            names = {"key": key.name, "found": found(node)}
            self.error("wrong_type", message % names, at=node.at, key=key.name, index=index)
        return kind

    def read_moment(self, key: str, node: Node) -> date | datetime | None:
        moment: date | datetime | None = None
        if isinstance(node, Scalar) and isinstance(node.value, str):
            with suppress(ValueError, OverflowError):
                moment = moment_from(node.value)
        if moment is not None and moment.year in YEARS:
            return moment
        message = _(
            "%(key)s takes a date such as 2030-12-31, or a time such as 2030-12-31T18:00 or "
            "2030-12-31T18:00+02:00, from %(first)d to %(last)d; found %(found)s."
        )
        names = {"key": key, "first": YEARS[0], "last": YEARS[-1], "found": found(node)}
        code = "wrong_type" if moment is None else "out_of_range"
        self.error(code, message % names, at=node.at, key=key)
        return None

    # the condition as a whole

    def refuse_clashes(self, condition: Condition) -> None:
        for clash in CLASHES:
            one, other = (getattr(condition, KEYS[name].field) for name in (clash.one, clash.other))
            if one and other:
                message = _("%(one)s and %(other)s cannot stand in one condition. %(why)s")
                names = {"one": clash.one, "other": clash.other, "why": clash.why}
                self.error("clash", message % names, at=self.place_of(clash.other), key=clash.other)

    def refuse_what_asks_nothing(self, condition: Condition) -> None:
        amounts = [name for name in keys_of(condition.subject) if name in AMOUNTS]
        if any(getattr(condition, KEYS[name].field) for name in amounts):
            return
        message = _(
            "This condition asks for nothing, so it would hold for everybody. "
            "Say how much is needed, with %(keys)s, such as %(key)s:1."
        )
        names = {"keys": ", ".join(amounts), "key": amounts[0]}
        self.error("asks_nothing", message % names, at=self.node.at)
