"""Gunicorn's settings: `gunicorn -c python:config.gunicorn config.wsgi`.

With the embedded worker there is exactly one process, because its broker lives in memory.
"""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings

bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or 8000}"
worker_class = "gthread"
workers = 1 if settings.EMBEDDED_WORKER else int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
graceful_timeout = 5
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """The application is loaded: add worker and beat where they belong in this process."""
    from config import embedded

    embedded.start()
