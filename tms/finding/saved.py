"""Searches that a person keeps for a Find page, and the one that the page opens with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from tms.access import Action
from tms.errors import DomainError
from tms.models import SavedSearch, User

if TYPE_CHECKING:
    from django.db.models import QuerySet

LONGEST_QUERY = 8_000
MOST = 200
EXISTS = "search_exists"


def searches_of(owner: User, page: str) -> QuerySet[SavedSearch]:
    """Their own: nobody, not even an administrator, sees what others look for."""
    return SavedSearch.objects.for_user(owner, Action.SEE_OWN).filter(owner=owner, page=page)


def save_search(
    owner: User, *, page: str, name: str, query: str, is_default: bool = False, overwrite: bool = False
) -> SavedSearch:
    """Raises DomainError: EXISTS where there is one of that name and it is not to be overwritten."""
    name = " ".join(name.replace("\0", "").split())
    if not name:
        raise DomainError("no_name", _("Give the search a name."))
    if len(name) > 80:
        raise DomainError("long_name", _("A name has at most 80 characters; this has %d.") % len(name))
    if len(query) > LONGEST_QUERY:
        raise DomainError("long_search", _("This search is too long to be saved."))
    with transaction.atomic():
        # Two windows saving at once take turns, so that neither runs into the other's row.
        User.objects.select_for_update().get(pk=owner.pk)
        mine = searches_of(owner, page)
        known = mine.filter(name=name).first()
        if known and not overwrite:
            sentence = _("You already have a saved search named '%s'. Would you like to overwrite it?")
            raise DomainError(EXISTS, sentence % name)
        if not known and mine.count() >= MOST:
            raise DomainError("many_searches", _("You have %d saved searches. Remove some first.") % MOST)
        if is_default:
            mine.update(is_default=False)
        search = known or SavedSearch(owner=owner, page=page, name=name)
        search.query, search.is_default = query, is_default
        search.save()
    return search


def make_default(owner: User, *, page: str, pk: int | None) -> None:
    """Let the page open with this search, or with none."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)
        searches_of(owner, page).update(is_default=False)
        if pk is not None:
            searches_of(owner, page).filter(pk=pk).update(is_default=True)


def remove_search(owner: User, *, page: str, pk: int) -> None:
    searches_of(owner, page).filter(pk=pk).delete()
