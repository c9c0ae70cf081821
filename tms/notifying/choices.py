"""Who wants mail about what, and the link in a mail by which somebody wants no more of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.core import signing
from django.db import transaction

from tms.models import MailChoices, User
from tms.notifying.topics import Group

if TYPE_CHECKING:
    from django.db.models import QuerySet

SALT = "tms.notifying.unsubscribe"


def choices_of(user: User) -> MailChoices:
    """As stored, or as they are for whoever never chose; not stored by asking."""
    try:
        return user.mail_choices
    except MailChoices.DoesNotExist:
        return MailChoices(user=user)


def wants(user: User, group: Group) -> bool:
    return bool(getattr(choices_of(user), group.value))


def save(chosen: MailChoices) -> None:
    """Store what a person chose about herself."""
    chosen.full_clean()
    chosen.save()


def switch(user: User, groups: Iterable[Group], *, on: bool) -> None:
    """Switch mail of some groups on or off, and leave all else as it is."""
    with transaction.atomic():
        stored, _is_new = MailChoices.objects.get_or_create(user=user)
        rows: QuerySet[MailChoices] = MailChoices.objects.filter(pk=stored.pk)
        rows.update(**{group.value: on for group in groups})


def stop_digests(user: User) -> None:
    MailChoices.objects.filter(user=user).update(digest=MailChoices.Digest.OFF)


# --- A link that needs no sign-in ---------------------------------------------------------------------------

DIGEST = "digest"


def token_for(user: User, *, about: Iterable[str]) -> str:
    """What a mail carries to switch off such mail: it names the reader and groups, or the digest. It never
    expires, since mails are kept."""
    return signing.dumps([user.pk, sorted(about)], salt=SALT)


def read_token(token: str) -> tuple[User, list[str]] | None:
    """Whom a token names, and what it is about; None for one that we did not make, or of somebody gone."""
    try:
        pk, about = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=pk).first()
    known = [name for name in about if name in {DIGEST, *Group.values}]
    return (user, known) if user and known else None


def unsubscribe(user: User, about: Iterable[str]) -> None:
    names = set(about)
    if DIGEST in names:
        stop_digests(user)
    if groups := [Group(name) for name in Group.values if name in names]:
        switch(user, groups, on=False)
