"""What there is to reach: threads with a requests.Session each, which post and keep nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import perf_counter
from typing import Any

import requests

from benchmarks.sandbox import ORGANIZATION, TEMPLATE, TOKEN, Sandbox


def seconds(sandbox: Sandbox, *, badges: int, connections: int) -> float:
    bodies = iter([_body(number) for number in range(badges)])
    lock = Lock()
    url = f"{sandbox.url}/v1/organizations/{ORGANIZATION}/badges"
    started = perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        for work in [pool.submit(_post_all, url, bodies, lock) for _number in range(connections)]:
            work.result()
    return perf_counter() - started


def _post_all(url: str, bodies: Iterator[dict[str, Any]], lock: Lock) -> None:
    with requests.Session() as session:
        session.auth = (TOKEN, "")
        while True:
            with lock:
                body = next(bodies, None)
            if body is None:
                return
            response = session.post(url, json=body, timeout=60)
            response.raise_for_status()
            assert response.json()["data"]["id"]


def _body(number: int) -> dict[str, Any]:
    return {
        "badge_template_id": TEMPLATE,
        "recipient_email": f"learner{number}@example.org",
        "issued_to_first_name": "Ada",
        "issued_to_last_name": f"Learner{number}",
        "issuer_earner_id": f"earner-{number}",
        "issued_at": "2026-03-02 09:00:00 +0000",
        "suppress_badge_notification_email": False,
    }
