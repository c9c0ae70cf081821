"""Celery's door to this app."""

from __future__ import annotations

from celery import shared_task

from providers import health, notices


@shared_task(name="providers.check")
def check() -> None:
    health.check_all()
    notices.tell_ending_tokens()
