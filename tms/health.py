"""What machines ask: is the process alive, can it work, how much waits. Open to all, telling no names.

A proxy that faces the internet should pass on none of these three.
"""

from __future__ import annotations

from celery import current_app
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tms.contributions import contributed
from tms.metrics import exposition

BROKER_SECONDS = 2


@never_cache
@login_not_required
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks nobody else, so a slow database gets no process restarted."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@login_not_required
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, migrations and broker are as they should be, else 503; names what is not."""
    checks = {"database": _database, "migrations": _migrations, "broker": _broker}
    found: dict[str, str] = {}
    for name, check in checks.items():
        try:
            found[name] = check()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the answer is “not ready”
            found[name] = f"{type(error).__name__}"
    is_ready = all(result == "ok" for result in found.values())
    return JsonResponse({"ready": is_ready, **found}, status=200 if is_ready else 503)


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} not applied" if waiting else "ok"


def _broker() -> str:
    with current_app.connection_for_write(connect_timeout=BROKER_SECONDS) as broker:
        broker.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
    return "ok"


@never_cache
@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    text = exposition(contributed("metrics"))
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")
