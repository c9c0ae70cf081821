"""Who cannot be given which badge, and why: the reasons for which an act by hand refuses a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from badges.models import Badge, IssuedBadge
from badges.status import AT_PROVIDER, Status
from tms.access import Action
from tms.models import User

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from badges.issuing import Pair

# A badge and a learner, by id.
Key = tuple[int, int]
# A code and a sentence.
Reason = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """What may be issued, and to whom, in a place with a rule of its own: it decides instead of the table of
    access. `code` and `message` refuse a learner outside.

    The badges are those of the place, also where they cannot be issued at this moment: the refusal says why.
    """

    badges: QuerySet[Badge]
    learners: QuerySet[User]
    code: str = "not_permitted"
    message: str = ""


def refusals_of(
    pairs: dict[Key, Pair],
    existing: dict[Key, IssuedBadge],
    *,
    actor: User | None,
    among: Among | None,
) -> dict[Key, Reason]:
    """pair → code and sentence of the first reason not to issue, where there is one."""
    badges = {pair.badge.pk: pair.badge for pair in pairs.values()}
    learners = {pair.learner.pk: pair.learner for pair in pairs.values()}
    if among is None and actor is not None:
        among = Among(
            badges=Badge.objects.for_user(actor, Action.ISSUE),
            learners=User.objects.for_user(actor, Action.ISSUE),
        )
    of_badges = _problems_of_badges(badges, among)
    of_learners = _problems_of_learners(learners, among)
    found: dict[Key, Reason] = {}
    for (badge, learner), row in ((key, existing.get(key)) for key in pairs):
        outside, unfit = of_learners[learner]
        has_it = row is not None and row.status != Status.FAILED
        told = outside or of_badges[badge] or (("already_issued", already(row)) if row and has_it else unfit)
        if told:
            found[badge, learner] = told
    return found


def _problems_of_badges(badges: dict[int, Badge], among: Among | None) -> dict[int, Reason | None]:
    """Why nobody can be given a badge in this place, now."""
    if among is None:
        inside = set(badges)
    else:
        inside = set(among.badges.order_by().filter(pk__in=badges).values_list("pk", flat=True))

    def problem(badge: Badge) -> Reason | None:
        if badge.pk not in inside:
            return "not_permitted", _("You cannot issue this badge here.")
        if not badge.enable_manual_issuance:
            return "not_manual", _("This badge is not set up to be issued by hand.")
        return obstacle(badge)

    return {pk: problem(badge) for pk, badge in badges.items()}


def _problems_of_learners(
    learners: dict[int, User], among: Among | None
) -> dict[int, tuple[Reason | None, Reason | None]]:
    """Why a learner can be given nothing in this place; and why no provider would take the learner."""
    outside: Reason | None = None
    inside = set(learners)
    if among is not None:
        outside = among.code, among.message or _("You cannot issue badges to this learner.")
        inside = set(among.learners.order_by().filter(pk__in=learners).values_list("pk", flat=True))
    return {
        pk: (None if pk in inside else outside, recipient_problem(learner, email=learner.email))
        for pk, learner in learners.items()
    }


def obstacle(badge: Badge) -> Reason | None:
    """Why nobody can get this badge now."""
    if not badge.is_active:
        return "inactive_badge", _("This badge is not active.")
    if not badge.badge_provider.is_enabled:
        return "not_available", _("The badge provider of this badge is disabled.")
    return None


def recipient_problem(learner: User, *, email: str) -> Reason | None:
    """Why no provider would take this person, at this address, as a recipient."""
    if learner.closed_at:
        return "account_closed", _("This account was closed. Nothing is issued to it any more.")
    try:
        validate_email(email)
    except ValidationError:
        return "invalid_email", _("The e-mail address %(email)s must follow valid e-mail guidelines.") % {
            "email": email or "–"
        }
    if not (learner.first_name.strip() and learner.last_name.strip()):
        return "no_name", _("The provider needs a first and a last name.")
    return None


def already(existing: IssuedBadge) -> str:
    moment = date_format(timezone.localtime(existing.issued_at or existing.created_at), "DATETIME_FORMAT")
    if existing.issued_by:
        who = str(existing.issued_by)
    elif existing.source_kind == IssuedBadge.Source.ACHIEVEMENT:
        who = pgettext("who issued a badge", "an achievement")
    else:
        who = pgettext("who issued a badge", "the system")
    if existing.status in AT_PROVIDER:
        return _("This learner already has this badge: issued on %(when)s by %(who)s.") % {
            "who": who,
            "when": moment,
        }
    return _("This badge is already on its way (%(status)s): asked for on %(when)s by %(who)s.") % {
        "status": existing.issued_status,
        "who": who,
        "when": moment,
    }
