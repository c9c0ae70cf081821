"""Sending a message again, because its reader asks for it: the mail that has gone astray."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tms import audit
from tms.access import Action, require
from tms.errors import Conflict, DomainError
from tms.hint import hint
from tms.models import Mail, Notification
from tms.notifying.gathering import obstacle_for
from tms.notifying.outbox import NOTIFY
from tms.notifying.topics import topic_of

if TYPE_CHECKING:
    from tms.models import User


def resend(notification: Notification, *, actor: User | None) -> Mail:
    """Send one notification as a mail of its own, also where the provider has written or it is old.

    Not to who wants no such mail, does not participate or is disabled, nor while one is on its way.
    """
    require(actor, Action.MANAGE, notification)
    with transaction.atomic():
        rows = Notification.objects.select_for_update(of=("self",)).select_related("user", "mail")
        row = rows.get(pk=notification.pk)
        if row.mail and row.mail.state == Mail.State.WAITING:
            raise Conflict("on_its_way", _("A mail about it is on its way."))
        if why := obstacle_for(row.user, topic_of(row.kind).group):
            raise DomainError("no_mail", f"{Notification.Unmailed(why).label}.")
        mail = Mail.objects.create(user=row.user, purpose=Mail.Purpose.RESENT)
        Notification.objects.filter(pk=row.pk).update(mail=mail)
        audit.record(
            audit.Act.RESEND,
            row.user,
            kind=audit.Kind.USER,
            actor=actor,
            reason=str(row.get_kind_display()),
        )
        hint(NOTIFY)
    return mail


def write_again(things: Mapping[int, Sequence[tuple[Notification.Kind, int]]]) -> None:
    """Tell people of things anew, each in one mail: user → (kind, key) of each thing. Inside a transaction.

    Whom such mail may go to, and whether one is on its way (`on_their_way`), is asked before.
    """
    now = timezone.now()
    mails = Mail.objects.bulk_create([Mail(user_id=user, purpose=Mail.Purpose.RESENT) for user in things])
    Notification.objects.bulk_create(
        Notification(
            user_id=mail.user_id, kind=kind, key=key, occasion=now.isoformat(), created_at=now, mail=mail
        )
        for mail in mails
        for kind, key in things[mail.user_id]
    )
    hint(NOTIFY)


def on_their_way(kinds: Collection[Notification.Kind], keys: Collection[int]) -> set[int]:
    """Of these things, those that a mail which has not left yet tells."""
    told = Notification.objects.filter(kind__in=kinds, key__in=keys, mail__state=Mail.State.WAITING)
    return set(told.values_list("key", flat=True))


def retry(mail: Mail, *, actor: User | None) -> Mail:
    """Send a mail that was given up once more, as when the server works again; a digest is of its day."""
    require(actor, Action.MANAGE, mail)
    with transaction.atomic():
        failed = Mail.objects.filter(pk=mail.pk, state=Mail.State.FAILED)
        given_up = failed.exclude(purpose=Mail.Purpose.DIGEST)
        again = {"purpose": Mail.Purpose.RESENT, "state": Mail.State.WAITING, "attempts": 0, "problem": ""}
        if not given_up.update(**again, due_at=timezone.now()):
            raise Conflict("not_given_up", _("Only a mail that was given up is sent again, and no digest."))
        audit.record(
            audit.Act.RESEND,
            mail.user,
            kind=audit.Kind.USER,
            actor=actor,
            reason=str(mail.get_purpose_display()),
        )
        hint(NOTIFY)
    mail.refresh_from_db()
    return mail
