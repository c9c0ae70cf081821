"""Why an issued badge failed, in plain words: one for each code that a record may carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

REASONS: dict[str, _StrPromise] = {
    "rejected": gettext_lazy("Refused by the provider"),
    "account_refused": gettext_lazy("The provider refuses the account"),
    "provider_busy": gettext_lazy("The provider cannot be reached"),
    "outcome_unknown": gettext_lazy("No answer from the provider, and not found there"),
    "not_published": gettext_lazy("Stored at the provider, but not published"),
    "not_supported": gettext_lazy("The provider cannot do this"),
    "invalid_email": gettext_lazy("The e-mail address is not valid"),
    "account_closed": gettext_lazy("The account was closed"),
    "no_name": gettext_lazy("The learner has no first or last name"),
    "unsendable": gettext_lazy("What is stored cannot be sent"),
    "unreadable": gettext_lazy("What is stored cannot be read"),
}


def in_words(code: str) -> str:
    return str(REASONS.get(code) or code.replace("_", " ") or _("No reason recorded"))
