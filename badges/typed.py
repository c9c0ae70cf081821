"""What people type about badges: a note, a reason, the name of evidence. Any database can keep it, and it is
not longer than anybody means it to be."""

from __future__ import annotations

from django.utils.translation import gettext as _

from tms.errors import DomainError

LONGEST = 2_000


def problem_of(text: str, *, most: int = LONGEST) -> str:
    """Why it is not kept, in a sentence; empty when it is. A line break counts once, as in browsers."""
    if "\0" in text:
        return _("It contains a character that cannot be stored.")
    if len(text.replace("\r\n", "\n")) > most:
        return _("“%(start)s…” is longer than %(most)d characters.") % {"start": text[:20], "most": most}
    return ""


def require_fit(text: str, *, field: str) -> None:
    """Raise DomainError for a text that is not kept, naming its field."""
    if problem := problem_of(text):
        raise DomainError("text_not_kept", problem, fields={field: [problem]})
