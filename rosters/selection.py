"""What somebody has chosen to issue in a class and not issued yet.

It lies in the session: it survives a reload and belongs to nobody else.

The token of the act is renewed whenever the choice changes. So the page that was looked at and the act that
comes of it are about the same badges and students, and asking twice is one act.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.sessions.backends.base import SessionBase

    from tms.models import Class

KEY = "issue-badges"
# Of so many classes a choice is kept: the latest.
CLASSES = 5


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Ids of badges and of enrolments, in the order in which they are shown."""

    badges: tuple[int, ...] = ()
    enrollments: tuple[int, ...] = ()
    token: UUID = field(default_factory=uuid4)

    @property
    def is_something(self) -> bool:
        return bool(self.badges or self.enrollments)

    def with_badges(self, badges: Sequence[int]) -> Selection:
        return replace(self, badges=tuple(badges), token=uuid4())

    def with_enrollments(self, enrollments: Sequence[int]) -> Selection:
        return replace(self, enrollments=tuple(enrollments), token=uuid4())


def selected(session: SessionBase, training_class: Class) -> Selection:
    """What is chosen for this class, and nothing where nothing is."""
    kept = _kept(session).get(str(training_class.pk))
    if kept is None:
        return Selection()
    return Selection(
        badges=tuple(kept["badges"]), enrollments=tuple(kept["enrollments"]), token=UUID(kept["token"])
    )


def keep(session: SessionBase, training_class: Class, selection: Selection) -> None:
    kept = _kept(session)
    kept.pop(str(training_class.pk), None)
    kept[str(training_class.pk)] = {
        "badges": selection.badges,
        "enrollments": selection.enrollments,
        "token": str(selection.token),
    }
    session[KEY] = dict(list(kept.items())[-CLASSES:])


def forget(session: SessionBase, training_class: Class) -> None:
    kept = _kept(session)
    if kept.pop(str(training_class.pk), None):
        session[KEY] = kept


def _kept(session: SessionBase) -> dict[str, Any]:
    return dict(session.get(KEY, {}))
