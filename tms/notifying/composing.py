"""What a mail says: in its reader's language and zone, as text that is complete alone and as HTML.

One thing is named, several are counted and listed, up to a number. Every link leads to this site; the last
one switches off such mail without a sign-in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import get_language_bidi, ngettext
from django.utils.translation import gettext as _

from tms.language import speaking_to
from tms.models import Mail, Notification
from tms.notifying import digests
from tms.notifying.choices import DIGEST, token_for
from tms.notifying.gathering import obstacle_for
from tms.notifying.topics import Group, Notice, Topic, in_words, topic_of
from tms.site_name import SITE_NAME

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


LISTED = 10
SUBJECT_LENGTH = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`url` is a whole address, or empty."""

    title: str
    text: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    title: str = ""
    items: Sequence[Item] = ()
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """`about` names what the reader can switch off: groups, or the digest."""

    subject: str
    heading: str
    about: Iterable[str]
    intro: str = ""
    parts: Sequence[Part] = field(default_factory=list)
    button: str = ""
    button_url: str = ""


def compose(mail: Mail) -> EmailMultiAlternatives | None:
    """The message, or None when there is nothing left to tell this person."""
    user = mail.user
    if not user.is_active:
        return None
    with speaking_to(user), timezone.override(user.zone):
        letter = _digest(mail) if mail.purpose == Mail.Purpose.DIGEST else _news(mail)
        return _message(mail, letter) if letter else None


def address(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"


# --- News ---------------------------------------------------------------------------------------------------


def _news(mail: Mail) -> Letter | None:
    """What has been switched off since it was gathered, or no longer holds, is not told."""
    rows = list(mail.notifications.select_related("user__organization", "user__mail_choices").order_by("pk"))
    rows = [row for row in rows if not obstacle_for(row.user, topic_of(row.kind).group)]
    words = in_words(rows)
    told = [(row, words[row.pk]) for row in rows if words[row.pk].unmailed != Notification.Unmailed.OVER]
    if not told:
        return None
    topics = list(dict.fromkeys(topic_of(row.kind) for row, _notice in told))
    groups = sorted({topic.group for topic in topics})
    if len(told) == 1:
        [(row, notice)] = told
        return _about_one(row, notice, groups=groups)
    return _about_several(told, topics=topics, groups=groups)


def _about_one(row: Notification, notice: Notice, *, groups: Sequence[Group]) -> Letter:
    return Letter(
        subject=notice.title,
        heading=notice.title,
        intro=notice.text,
        about=groups,
        button=_("See it") if notice.url else "",
        button_url=_link(row, notice),
    )


def _about_several(
    told: Sequence[tuple[Notification, Notice]], *, topics: Sequence[Topic], groups: Sequence[Group]
) -> Letter:
    """As counted by their topic where there is one, else as so many messages."""
    counts = {topic: sum(notice.count for row, notice in told if row.kind in topic.kinds) for topic in topics}
    if len(topics) == 1:
        title = topics[0].counted(counts[topics[0]])
    else:
        title = ngettext("%(count)d new message", "%(count)d new messages", len(told)) % {"count": len(told)}
    parts = []
    for topic in topics:
        own = [(row, notice) for row, notice in told if row.kind in topic.kinds]
        items = [
            Item(title=notice.title, text=notice.text, url=_link(row, notice)) for row, notice in own[:LISTED]
        ]
        parts.append(
            Part(
                title=topic.counted(counts[topic]) if len(topics) > 1 else "",
                items=items,
                more=_more(len(own) - LISTED),
            )
        )
    return Letter(
        subject=title,
        heading=title,
        parts=parts,
        about=groups,
        button=_("See all of them"),
        button_url=address(reverse("notifications")),
    )


def _more(count: int) -> str:
    return ngettext("and %(count)d more", "and %(count)d more", count) % {"count": count} if count > 0 else ""


def _link(row: Notification, notice: Notice) -> str:
    return address(reverse("open-notification", args=[row.pk])) if notice.url else ""


# --- Digests ------------------------------------------------------------------------------------------------


def _digest(mail: Mail) -> Letter | None:
    digest = digests.read(mail)
    if digest is None:
        return None
    parts = [
        Part(
            title=section.title,
            items=[
                Item(title=line.title, text=line.text, url=address(line.url) if line.url else "")
                for line in section.lines[:LISTED]
            ],
            more=_more(section.count - LISTED),
        )
        for section in digest.sections
    ]
    return Letter(
        subject=digest.title,
        heading=digest.title,
        intro=digest.covers,
        parts=parts,
        about=[DIGEST],
        button=_("Open the dashboard"),
        button_url=address(reverse("dashboard")),
    )


# --- The message --------------------------------------------------------------------------------------------


def _message(mail: Mail, letter: Letter) -> EmailMultiAlternatives:
    unsubscribe = address(reverse("unsubscribe", args=[token_for(mail.user, about=letter.about)]))
    context = {
        "letter": letter,
        "user": mail.user,
        "site": _site_name(),
        "site_url": settings.PUBLIC_URL,
        "settings_url": address(reverse("notification-settings")),
        "unsubscribe_url": unsubscribe,
        "language": translation.get_language(),
        "direction": "rtl" if get_language_bidi() else "ltr",
    }
    message = EmailMultiAlternatives(
        subject=_one_line(letter.subject),
        body=_tidied(render_to_string("mail/message.txt", context)),
        from_email=sender(),
        to=[mail.user.email],
        headers={
            "Message-ID": f"<{mail.message_id}@{_host()}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    html: SafeString = render_to_string("mail/message.html", context)
    message.attach_alternative(html, "text/html")
    return message


def sender() -> str:
    """DEFAULT_FROM_EMAIL, with the name of the site where it names nobody."""
    name, plain = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return formataddr((name or _site_name(), plain))


def _site_name() -> str:
    return str(SITE_NAME)


def _host() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or "localhost"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SUBJECT_LENGTH else f"{line[: SUBJECT_LENGTH - 1]}…"


def _tidied(text: str) -> str:
    """As templates leave it, without the empty lines of what was not there."""
    lines = [line.strip() for line in text.strip().splitlines()]
    kept = [line for place, line in enumerate(lines) if line or lines[place - 1]]
    return "\n".join(kept) + "\n"
