"""Celery's doors to this app."""

from __future__ import annotations

import logging

from celery import shared_task

from tms import records
from tms.notifying import digests, forgetting, sending
from tms.notifying.outbox import NOTIFY

log = logging.getLogger(__name__)


@shared_task(name="tms.check_records")
def check_records() -> None:
    """Tell every difference between the transcript and the facts; `rebuild_records` mends them."""
    for difference in records.rebuild(check=True):
        log.error("Record %s", difference)


@shared_task(name=NOTIFY)
def notify() -> None:
    sending.notify(seconds=sending.TASK_SECONDS)


@shared_task(name="tms.plan_digests")
def plan_digests() -> None:
    digests.plan()


@shared_task(name="tms.forget")
def forget() -> None:
    forgetting.forget()
