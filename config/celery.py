"""The Celery app and the beat schedule: the only list of periodic work.

A message is never more than a hint. Every task below looks for rows that wait, so a lost message or a
lost broker makes work late by one period and loses nothing.
"""

from __future__ import annotations

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings


def transport_options(url: str) -> dict[str, float]:
    if url.startswith("memory:"):
        return {"polling_interval": 0.05}
    # Otherwise whoever sends a hint while the broker is down waits for seconds, for nothing. And a worker
    # that holds messages when the broker goes away fails to put them back, and ends.
    return {"max_retries": 0, "socket_connect_timeout": 2, "ack_emulation": False}


app = Celery("tms")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options=transport_options(settings.CELERY_BROKER_URL),
    task_ignore_result=True,
    task_acks_late=False,  # the rows are the queue; a message that died with its worker is not needed again
    task_publish_retry=False,  # a broker that is down must not hold up a request
    worker_prefetch_multiplier=4,
    worker_proc_alive_timeout=60,  # a crowded machine takes longer than the usual 4 s to start one
    worker_hijack_root_logger=False,
    timezone="UTC",
    beat_schedule={
        "award what changed": {
            "task": "achievements.award_changes",
            "schedule": settings.SWEEP_SECONDS,
            "options": {"expires": settings.SWEEP_SECONDS},
        },
        "work out progress for those who look": {
            "task": "achievements.work_out_progress",
            "schedule": settings.SWEEP_SECONDS,
            "options": {"expires": settings.SWEEP_SECONDS},
        },
        "deliver what waits": {
            "task": "badges.deliver",
            "schedule": settings.SWEEP_SECONDS,
            "options": {"expires": settings.SWEEP_SECONDS},
        },
        "correct and erase what people asked for": {
            "task": "badges.errands",
            "schedule": settings.SWEEP_SECONDS * 2,
            "options": {"expires": settings.SWEEP_SECONDS * 2},
        },
        "settle what is open": {
            "task": "badges.sweep",
            "schedule": settings.SWEEP_SECONDS * 2,
            "options": {"expires": settings.SWEEP_SECONDS * 2},
        },
        "act on what providers told": {
            "task": "badges.process_events",
            "schedule": settings.SWEEP_SECONDS * 2,
            "options": {"expires": settings.SWEEP_SECONDS * 2},
        },
        "tell people": {
            "task": "tms.notify",
            "schedule": settings.SWEEP_SECONDS * 2,
            "options": {"expires": settings.SWEEP_SECONDS * 2},
        },
        "digests of those whose morning it is": {
            "task": "tms.plan_digests",
            "schedule": crontab(minute="2,32"),
            "options": {"expires": 1800},
        },
        "remind of badges to accept": {
            "task": "badges.remind",
            "schedule": crontab(hour=5, minute=20),
        },
        "ask accounts what happened": {
            "task": "badges.poll_events",
            "schedule": crontab(minute="*/10"),
            "options": {"expires": 600},
        },
        "ask accounts what changed": {
            "task": "badges.poll_changes",
            "schedule": crontab(minute=27),
            "options": {"expires": 3600},
        },
        # Hourly through the night: an account whose provider was away is compared when it is back.
        "nightly comparison with the providers": {
            "task": "badges.compare",
            "schedule": crontab(hour="1-6", minute=50),
            "options": {"expires": 3600},
        },
        "keep copies of the pictures of badges": {
            "task": "badges.keep_artwork",
            "schedule": crontab(minute=37),
            "options": {"expires": 3600},
        },
        "forget what accounts told long ago": {
            "task": "badges.forget",
            "schedule": crontab(hour=4, minute=40),
        },
        "forget what was told long ago": {
            "task": "tms.forget",
            "schedule": crontab(hour=4, minute=45),
        },
        "forget how rules ran long ago": {
            "task": "achievements.forget",
            "schedule": crontab(hour=4, minute=50),
        },
        "issue what was earned": {
            "task": "achievements.issue_earned",
            "schedule": crontab(minute=17),
        },
        "nightly full evaluation": {
            "task": "achievements.award_full",
            "schedule": crontab(hour=2, minute=40),
        },
        "nightly check of the accounts": {
            "task": "providers.check",
            "schedule": crontab(hour=3, minute=20),
        },
        "nightly synchronization of templates": {
            "task": "badges.synchronize",
            "schedule": crontab(hour=3, minute=30),
        },
        "nightly check of the records": {
            "task": "tms.check_records",
            "schedule": crontab(hour=4, minute=10),
        },
    },
)
app.autodiscover_tasks(["tms", "providers", "badges", "achievements"])
