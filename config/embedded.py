"""Worker and beat inside the web process: the one-command default, where the broker is memory.

`memory://` lives in one process, so here there is exactly one worker thread pool and one beat, started once
by the web server (config.gunicorn). With a real broker EMBEDDED_WORKER is off and both are processes.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable

from celery import beat
from celery.worker import WorkController
from django.conf import settings
from django.db import connections

from config.celery import app

log = logging.getLogger(__name__)


_started = threading.Lock()


def start() -> None:
    """Start worker and beat as daemon threads, once; they end with the process, and lose nothing by it."""
    if not settings.EMBEDDED_WORKER or not _started.acquire(blocking=False):
        return
    worker = WorkController(
        app=app,
        concurrency=4,
        pool_cls="threads",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    # The plain scheduler keeps its schedule in memory: nothing here needs to survive the process.
    schedule = beat.Service(app, scheduler_cls=beat.Scheduler, max_interval=1)
    for name, target in (("worker", worker.start), ("beat", schedule.start)):
        threading.Thread(target=_run, args=(name, target), name=f"embedded-{name}", daemon=True).start()
    atexit.register(schedule.stop)
    log.info("Worker and beat run inside this process.")


def threads() -> int:
    """How many of the two are alive."""
    return sum(thread.name.startswith("embedded-") for thread in threading.enumerate())


def _run(name: str, target: Callable[[], None]) -> None:
    try:
        target()
    except Exception:
        log.exception("The embedded %s stopped; the web pages go on.", name)
    finally:
        connections.close_all()
