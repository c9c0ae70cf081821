"""“Look now”: after the commit, once, and never at anybody's cost."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from celery import Celery
from django.db import transaction
from kombu.exceptions import OperationalError

from config import celery
from tms.hint import hint


class Broker:
    def __init__(self) -> None:
        self.sent: list[str] = []
        self.error: Exception | None = None

    def send_task(self, task: str, **_options: Any) -> None:
        self.sent.append(task)
        if self.error:
            raise self.error


@pytest.fixture
def broker(monkeypatch):
    fake = Broker()
    monkeypatch.setattr("tms.hint.current_app", fake)
    return fake


pytestmark = pytest.mark.django_db(transaction=True)


def test_a_hint_goes_out_after_the_commit_and_not_before(broker):
    with transaction.atomic():
        hint("a.task")
        assert broker.sent == []
    assert broker.sent == ["a.task"]


def test_outside_a_transaction_it_goes_out_at_once(broker):
    hint("a.task")
    hint("a.task")
    assert broker.sent == ["a.task", "a.task"]


def test_each_task_is_hinted_at_once_for_each_transaction(broker):
    with transaction.atomic():
        for _time in range(3):
            hint("a.task")
            hint("another.task")
        with transaction.atomic():
            hint("a.task")
    assert broker.sent == ["a.task", "another.task"]
    with transaction.atomic():
        hint("a.task")
    assert broker.sent == ["a.task", "another.task", "a.task"]


def test_what_is_rolled_back_hints_at_nothing(broker):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        hint("a.task")
        raise ZeroDivisionError
    assert broker.sent == []


def test_an_inner_part_that_is_rolled_back_does_not_swallow_a_later_hint(broker):
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            hint("a.task")
            raise ZeroDivisionError
        hint("a.task")
    assert broker.sent == ["a.task"]


@pytest.mark.parametrize("error", [OperationalError("no broker"), ConnectionRefusedError(), RuntimeError()])
def test_a_broker_that_is_down_costs_one_line_of_log(broker, caplog, error):
    broker.error = error
    with caplog.at_level(logging.WARNING), transaction.atomic():
        hint("a.task")
        hint("a.task")
    assert [record.message for record in caplog.records] == [f"No hint sent for a.task: {error}"]


def test_a_broker_that_is_really_not_there_is_noticed_at_once(monkeypatch, caplog):
    url = "redis://127.0.0.1:1/0"
    app = Celery("nobody", broker=url, set_as_current=False)
    app.conf.task_publish_retry = celery.app.conf.task_publish_retry
    app.conf.broker_transport_options = celery.transport_options(url)
    monkeypatch.setattr("tms.hint.current_app", app)
    started = time.monotonic()
    with caplog.at_level(logging.WARNING, logger="tms.hint"):
        hint("a.task")
    assert time.monotonic() - started < 3
    assert [record.name for record in caplog.records] == ["tms.hint"]
    assert "No hint sent for a.task" in caplog.text
