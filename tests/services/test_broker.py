"""A broker that goes away and comes back with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis as Client

from benchmarks.servers import Redis, free_port
from tests.services.conftest import LoneCrew, until

pytestmark = pytest.mark.services


@pytest.fixture
def broker() -> Iterator[Redis]:
    redis = Redis(free_port())
    redis.start()
    try:
        yield redis
    finally:
        redis.stop()


def test_a_worker_that_holds_messages_outlives_its_broker(
    broker: Redis, environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {"REDIS_URL": broker.url, "CELERY_BROKER_URL": broker.url}
    sender, queue = Celery(broker=broker.url, set_as_current=False), Client(port=broker.port)
    worker = LoneCrew(folder=tmp_path, environment=environment, with_beat=False)

    def are_taken() -> bool:
        return queue.exists("_kombu.binding.celery") == 1 and queue.llen("celery") == 0

    try:
        worker.start()
        for _number in range(3):
            sender.send_task("badges.sweep", countdown=3600)  # held until then
        until(are_taken, "the worker holds the messages", explain=worker.log)
        broker.crash()
        sender.send_task("badges.sweep")
        until(are_taken, "the worker takes a message again", explain=worker.log)
        assert not worker.has_ended
    finally:
        worker.kill()
