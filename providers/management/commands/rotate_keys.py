"""manage.py rotate_keys: encrypt every stored secret with the first of FIELD_ENCRYPTION_KEYS."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers import secrets
from tms.command_line import Answer, CommandLine


class Command(CommandLine):
    help = _(
        "Encrypt every stored secret with the first of FIELD_ENCRYPTION_KEYS, so that older keys can be "
        "removed; the exit code is 1 when no key reads some of them."
    )

    def answer(self, **options: Any) -> Answer:
        rotation = secrets.rotate()
        lines = [
            ngettext(
                "%(count)d secret is encrypted with the first key.",
                "%(count)d secrets are encrypted with the first key.",
                rotation.rotated,
            )
            % {"count": rotation.rotated}
        ]
        lines += [
            _("No key reads the %(field)s of %(kind)s %(id)d; enter it again.")
            % {"field": field, "kind": kind, "id": pk}
            for kind, pk, field in rotation.lost
        ]
        data = {
            "rotated": rotation.rotated,
            "lost": [{"kind": kind, "id": pk, "field": field} for kind, pk, field in rotation.lost],
        }
        return Answer(data=data, text="\n".join(lines), failed=bool(rotation.lost))
