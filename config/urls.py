"""The site map."""

from __future__ import annotations

from django.urls import path

urlpatterns: list[path] = []  # type: ignore[valid-type]
