"""What a learner decides about a badge of hers: to feature it, to hide it, to publish it.

Only she decides: an administrator sees what was chosen, and cannot choose in her place. Each verb may be
repeated. What was chosen outlives the end of a badge, so that a published one says that it was revoked; a
badge that is renewed is hidden or featured as the one before it was, and private until she publishes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from badges.models import BadgePresentation, IssuedBadge
from tms.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from tms.models import User


def feature(issued_badge: IssuedBadge, *, actor: User) -> BadgePresentation:
    """Show it first. Raises Conflict for what she does not hold, or hides."""
    return _choose(issued_badge, actor=actor, shows=True, is_featured=True)


def unfeature(issued_badge: IssuedBadge, *, actor: User) -> BadgePresentation:
    return _choose(issued_badge, actor=actor, is_featured=False)


def hide(issued_badge: IssuedBadge, *, actor: User) -> BadgePresentation:
    """Keep it from everybody else; what was published is public no longer."""
    return _choose(
        issued_badge,
        actor=actor,
        is_hidden=True,
        is_featured=False,
        published_at=None,
        is_indexed=False,
    )


def unhide(issued_badge: IssuedBadge, *, actor: User) -> BadgePresentation:
    """Members of the organization may see it again; public it is not."""
    return _choose(issued_badge, actor=actor, is_hidden=False)


def publish(issued_badge: IssuedBadge, *, actor: User) -> BadgePresentation:
    """Open its page to everybody who has the address (badges.sharing.public); search engines stay out.

    Raises Conflict for what she does not hold or hides, and where there is no name to publish.
    """
    if actor.pk == issued_badge.learner_id and not actor.get_full_name():
        raise Conflict("no_name", _("Your profile has no name, so that the page could not say whose it is."))
    return _choose(issued_badge, actor=actor, shows=True, published_at=timezone.now())


def unpublish(issued_badge: IssuedBadge, *, actor: User) -> BadgePresentation:
    return _choose(issued_badge, actor=actor, published_at=None, is_indexed=False)


def let_search_engines_in(issued_badge: IssuedBadge, *, allowed: bool, actor: User) -> BadgePresentation:
    """Raises Conflict for what is not public."""
    return _choose(issued_badge, actor=actor, is_public=True, is_indexed=allowed)


def _choose(
    issued_badge: IssuedBadge, *, actor: User, shows: bool = False, is_public: bool = False, **chosen: Any
) -> BadgePresentation:
    """`shows`: she must hold it and not hide it. `is_public`: it must have been published."""
    if issued_badge.learner_id != actor.pk:
        raise NotFound("not_found", _("Not found."))
    with transaction.atomic():
        row = IssuedBadge.objects.select_for_update(of=("self",)).get(pk=issued_badge.pk)
        presentation = BadgePresentation.objects.filter(issued_badge=row).first()
        presentation = presentation or BadgePresentation(issued_badge=row)
        if shows:
            _require_held(row)
            _require_shown(presentation)
        if is_public and presentation.published_at is None:
            raise Conflict("not_public", _("It is not public."))
        if presentation.published_at and chosen.get("published_at"):
            del chosen["published_at"]  # it has been public since then
        for name, value in chosen.items():
            setattr(presentation, name, value)
        presentation.save()
    return presentation


def _require_held(row: IssuedBadge) -> None:
    if not row.is_presentable:
        text = _("Only a badge that was issued can be shown to others; this one is: %(status)s.")
        raise Conflict("not_held", text % {"status": row.issued_status})


def _require_shown(presentation: BadgePresentation) -> None:
    if presentation.is_hidden:
        raise Conflict("hidden", _("You hide this badge. Show it again first."))


def carry_over(new: Collection[int]) -> None:
    """Renewed badges, by their ids, are hidden or featured as the ones they take the place of."""
    before = BadgePresentation.objects.filter(issued_badge__replaced_by__in=new)
    BadgePresentation.objects.bulk_create(
        BadgePresentation(issued_badge_id=pk, is_hidden=is_hidden, is_featured=is_featured)
        for pk, is_hidden, is_featured in before.values_list(
            "issued_badge__replaced_by", "is_hidden", "is_featured"
        )
        if pk in new and (is_hidden or is_featured)
    )
