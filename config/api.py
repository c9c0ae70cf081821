"""The REST API in one list: every collection and where it comes from."""

from __future__ import annotations

from rest_framework.pagination import PageNumberPagination
from rest_framework.routers import DefaultRouter


class Pagination(PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500


router = DefaultRouter()
