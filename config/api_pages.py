"""How the lists of the API are paged.

The collections are listed in config.api, not here: REST framework imports this module while its own
views are still loading, so nothing of ours that needs them may stand in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination

if TYPE_CHECKING:
    from rest_framework.request import Request


class Pagination(PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500

    def get_page_size(self, request: Request) -> int | None:
        """More than the most is the most; what is no number is refused like any other parameter."""
        given = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not (given.isascii() and given.isdecimal() and int(given[:9])):
            most = {"most": self.max_page_size, "given": given}
            message = _("A whole number from 1 to %(most)s, not “%(given)s”.") % most
            raise ValidationError({self.page_size_query_param: [message]})
        return min(int(given[:9]), self.max_page_size)
