"""Addresses of this app, from the root of the site."""

from __future__ import annotations

from django.urls import path

from badges import webhooks

urlpatterns = [
    path("webhooks/credly/<str:secret>/", webhooks.credly, name="credly-webhook"),
]
