"""Celery's doors to this app: each looks for rows that wait and calls one function."""

from __future__ import annotations

from celery import shared_task

from badges import delivery, synchronization


@shared_task(name="badges.deliver")
def deliver() -> None:
    delivery.deliver()


@shared_task(name="badges.synchronize")
def synchronize() -> None:
    synchronization.synchronize_nightly()


@shared_task(name="badges.reconcile")
def reconcile() -> None:
    delivery.reconcile()


@shared_task(name="badges.sweep")
def sweep() -> None:
    delivery.sweep()
