"""“Look now”: a message that makes the next sweep immediate.

The row that waits is already committed when the hint goes out, so a broker that is down costs a few
seconds and nothing else. Tasks are named, not imported: the hint may point upwards in the layers.
"""

from __future__ import annotations

import logging
from functools import partial

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)


def hint(task: str) -> None:
    """Send `task` after the running transaction has committed, once for each transaction and task."""
    connection = transaction.get_connection()
    if any(getattr(entry[1], "args", None) == (task,) for entry in connection.run_on_commit):
        return
    transaction.on_commit(partial(_send, task), robust=True)


def _send(task: str) -> None:
    try:
        current_app.send_task(task, ignore_result=True)
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the sweep finds the row
        log.warning("No hint sent for %s: %s", task, error)
