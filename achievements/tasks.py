"""Celery's doors to this app: each looks for rows that wait and calls one function."""

from __future__ import annotations

from celery import shared_task

from achievements import backfill, evaluation, forgetting, intents
from achievements.progress import working_out

CHUNKS_A_CALL = 4


@shared_task(name="achievements.award_changes")
def award_changes() -> None:
    """Whatever waits for evaluation: changed learners, then rules that are due, then badges linked since.

    A long backfill is continued by the next call: in between, others have their turn.
    """
    evaluation.award_changes()
    backfill.award_due(chunks=CHUNKS_A_CALL)
    intents.issue_due()


@shared_task(name="achievements.award_full")
def award_full() -> None:
    evaluation.award_full()


@shared_task(name="achievements.issue_earned")
def issue_earned() -> None:
    intents.issue_earned()


@shared_task(name="achievements.work_out_progress")
def work_out_progress() -> None:
    """How far those are at whom somebody looks."""
    working_out.work_out()


@shared_task(name="achievements.forget")
def forget() -> None:
    forgetting.forget()
