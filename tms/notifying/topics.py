"""Putting notifications into words, whoever has the news.

An app offers its Topics as NOTICES in a module `notices` (tms.contributions). One reading gives the words of
many notifications, in a number of queries that does not depend on how many they are, and in the language that
is active.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tms.contributions import contributed
from tms.models import Notification


class Group(models.TextChoices):
    """What a person may switch off in one: the names of columns of MailChoices."""

    ACHIEVEMENTS = "achievements", gettext_lazy("Achievements")
    BADGES = "badges", gettext_lazy("Badges")
    ADMINISTRATION = "administration", gettext_lazy("Administration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notification in words. `url` is a path of this site, or empty; `count` how many things it tells; `at`
    when it happened, where that is known better than when it was written down.

    `unmailed` says why no mail tells it, if none should; whether its reader wants mail is not asked here.
    """

    title: str
    text: str = ""
    url: str = ""
    count: int = 1
    at: datetime | None = None
    unmailed: str = ""


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Kinds of notifications that are read together.

    `read` is given notifications that have their user, and leaves out those about what no longer holds;
    `counted` names so many of them in one line.
    """

    kinds: tuple[Notification.Kind, ...]
    group: Group
    icon: str
    read: Callable[[Sequence[Notification]], dict[int, Notice]]
    counted: Callable[[int], str]


def topic_of(kind: str) -> Topic:
    found: Topic = next(topic for topic in contributed("notices") if kind in topic.kinds)
    return found


def kinds_of(group: Group) -> list[str]:
    return [kind.value for topic in contributed("notices") if topic.group == group for kind in topic.kinds]


def in_words(rows: Sequence[Notification]) -> dict[int, Notice]:
    """The notice of each notification, by its id."""
    found: dict[int, Notice] = {}
    for topic in contributed("notices"):
        if own := [row for row in rows if row.kind in topic.kinds]:
            found |= topic.read(own)
    over = Notice(title=_("This is no longer so."), unmailed=Notification.Unmailed.OVER)
    return {row.pk: found.get(row.pk, over) for row in rows}
