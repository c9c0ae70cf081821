"""Celery's doors to this app: each looks for rows that wait and calls one function."""

from __future__ import annotations

from celery import shared_task

from badges import (
    artwork,
    comparison,
    delivery,
    errands,
    forgetting,
    lookups,
    notices,
    polling,
    provider_events,
    sweeping,
    synchronization,
)
from badges.corrections import ERRANDS
from badges.hints import DELIVER, RECONCILE, SWEEP
from providers.base import Ability


@shared_task(name=DELIVER)
def deliver() -> None:
    delivery.deliver(seconds=delivery.TASK_SECONDS)


@shared_task(name=ERRANDS)
def run_errands() -> None:
    errands.run(seconds=delivery.TASK_SECONDS)


@shared_task(name="badges.synchronize")
def synchronize() -> None:
    synchronization.synchronize_nightly()


@shared_task(name=RECONCILE)
def reconcile() -> None:
    lookups.reconcile(seconds=delivery.TASK_SECONDS)


@shared_task(name=SWEEP)
def sweep() -> None:
    sweeping.sweep(seconds=delivery.TASK_SECONDS)


@shared_task(name=provider_events.PROCESS)
def process_events() -> None:
    provider_events.process(seconds=delivery.TASK_SECONDS)


@shared_task(name="badges.poll_events")
def poll_events() -> None:
    polling.poll(Ability.EVENTS)


@shared_task(name="badges.poll_changes")
def poll_changes() -> None:
    polling.poll(Ability.CHANGES)


@shared_task(name="badges.compare")
def compare() -> None:
    comparison.compare_due()


@shared_task(name="badges.keep_artwork")
def keep_artwork() -> None:
    artwork.keep_copies(seconds=artwork.TASK_SECONDS)


@shared_task(name="badges.forget")
def forget() -> None:
    forgetting.forget()


@shared_task(name="badges.remind")
def remind() -> None:
    notices.remind_to_accept()
