"""How the lists of the API are paged.

The collections are listed in config.api, not here: REST framework imports this module while its own
views are still loading, so nothing of ours that needs them may stand in it.
"""

from __future__ import annotations

from rest_framework.pagination import PageNumberPagination


class Pagination(PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500
