"""The product and the naive reference agree: who earns what, how many times, and when.

HISTORIES=2000 tries so many in each test, others each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, event, given, settings

from achievements import evaluation
from achievements.models import Achievement
from tests.achievements.oracle.histories import History, Put, Theme, histories
from tests.achievements.oracle.reference import World
from tests.achievements.oracle.stage import Row, Stage
from tms import records

ResultT = TypeVar("ResultT")

pytestmark = pytest.mark.django_db

# A history is long: a sixth as many as of other properties are tried.
examples = settings(
    max_examples=max(settings().max_examples // 6, 1),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
if "HISTORIES" in os.environ:
    examples = settings(examples, max_examples=int(os.environ["HISTORIES"]), derandomize=False, database=None)

TRAINING = Theme(subjects=(0, 10, 20, 30), frequencies=("per_user",))
PRESENCE = Theme(subjects=(0, 50, 60), frequencies=("per_user",))
AWARDS = Theme(subjects=(0, 10, 40, 40), frequencies=("per_user",))
CONTESTS = Theme(
    subjects=(0, 0, 10, 50, 60),
    frequencies=("per_day", "per_achievement", "per_user"),
    least_learners=3,
    strangers=False,
)
ADDITIONS = Theme(
    subjects=(0, 10, 20, 30, 40), frequencies=("per_user",), second_thoughts=False, dated_awards=False
)


@examples
@given(histories(TRAINING))
def test_labs_courses_and_subscriptions(history: History) -> None:
    in_an_empty_database(agree, history)


@examples
@given(histories(PRESENCE))
def test_activities_and_streaks(history: History) -> None:
    in_an_empty_database(agree, history)


@examples
@given(histories(AWARDS))
def test_points_and_achievements(history: History) -> None:
    in_an_empty_database(agree, history)


@examples
@given(histories(CONTESTS))
def test_frequencies(history: History) -> None:
    in_an_empty_database(agree, history)


@examples
@given(histories(CONTESTS))
def test_chunks_of_learners_make_no_difference(history: History) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "CHUNK", 1)
        in_an_empty_database(agree, history)


@examples
@given(histories(ADDITIONS))
def test_looking_after_each_fact_finds_whom_one_look_finds(history: History) -> None:
    changes = [change for batch in history.batches for change in batch]
    at_once = History(scene=history.scene, batches=(tuple(changes),))
    step_by_step = History(scene=history.scene, batches=tuple((change,) for change in changes))
    assert in_an_empty_database(winners, step_by_step) == in_an_empty_database(winners, at_once)


def agree(history: History) -> None:
    world, stage = World(), Stage(history.scene)
    for thing in history.scene:
        world.put(thing)
    for batch in history.batches:
        for change in batch:
            world.put(change.thing) if isinstance(change, Put) else world.drop(change.key)
        stage.play(batch)
        stage.look()
        world.evaluate(stage.record_ids())
        assert not list(Achievement.objects.exclude(last_error="").values_list("last_error", flat=True))
        assert stage.awards() == rows_of(world), stage.told()
    event(f"awards: {min(len(world.awards), 9)}")
    assert_settled(stage)


def winners(history: History) -> set[tuple[str, str, int]]:
    stage = Stage(history.scene)
    for batch in history.batches:
        stage.play(batch)
        stage.look()
    assert_settled(stage)
    return {row[:3] for row in stage.awards()}


def assert_settled(stage: Stage) -> None:
    assert stage.look() == 0
    assert stage.look_at_everybody() == 0
    assert not list(records.rebuild(check=True))


def rows_of(world: World) -> set[Row]:
    return {
        (award.learner, award.achievement, award.occurrence, award.earned_at, award.points)
        for award in world.awards
    }


class _Undo(Exception):
    pass


def in_an_empty_database(act: Callable[[History], ResultT], history: History) -> ResultT:
    """Empty again afterwards."""
    try:
        with transaction.atomic():
            result = act(history)
            raise _Undo
    except _Undo:
        return result
