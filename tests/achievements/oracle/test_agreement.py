"""The product and the naive reference agree: who earns what, how many times, when, and on which day.

HISTORIES=2000 tries so many in each test, others each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import groupby
from typing import TypeVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, event, given, settings

from achievements.evaluation import passes
from achievements.models import Achievement
from tests.achievements.oracle import reference as naive
from tests.achievements.oracle.histories import (
    Change,
    Drop,
    History,
    Put,
    Theme,
    Undo,
    as_it_happens,
    histories,
)
from tests.achievements.oracle.reference import World
from tests.achievements.oracle.stage import Row, Stage
from tms import records

ResultT = TypeVar("ResultT")

pytestmark = pytest.mark.django_db

# A history is long: a tenth as many as of other properties are tried.
examples = settings(
    max_examples=max(settings().max_examples // 10, 1),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
if "HISTORIES" in os.environ:
    examples = settings(examples, max_examples=int(os.environ["HISTORIES"]), derandomize=False, database=None)


TRAINING = Theme(subjects=(0, 10, 20, 30), frequencies=("per_user",))
PRESENCE = Theme(subjects=(0, 50, 60), frequencies=("per_user",))
AWARDS = Theme(subjects=(0, 10, 40, 40), frequencies=("per_user",))
CONTESTS = Theme(
    subjects=(0, 0, 10, 50, 60), frequencies=("per_day", "per_achievement", "per_user"), least_learners=3
)
LADDERS = Theme(
    subjects=(0, 10, 40, 40),
    frequencies=("per_achievement", "per_day", "per_user", "per_user"),
    least_learners=3,
    strangers=False,
    ties=False,
    one_by_one=True,
)
ADDITIONS = Theme(
    subjects=(0, 10, 20, 30, 40), frequencies=("per_user",), second_thoughts=False, dated_awards=False
)
LIVES = Theme(second_thoughts=False, minutes=False, contested=False)
LIVES_WITHOUT_CONTESTS = Theme(second_thoughts=False, minutes=False, frequencies=("per_user",))


@pytest.fixture(params=[passes.CHUNK, 1], ids=["one chunk", "chunks of one learner"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "CHUNK", request.param)


# ── with the reference, whatever happens ─────────────────────────────────────────────────────────────────


@examples
@given(histories(TRAINING))
def test_labs_courses_and_subscriptions(history: History) -> None:
    in_an_empty_database(agree, history)


@examples
@given(histories(PRESENCE))
def test_activities_and_streaks(history: History) -> None:
    in_an_empty_database(agree, history)


@pytest.mark.usefixtures("chunks")
@examples
@given(histories(AWARDS))
def test_points_and_achievements(history: History) -> None:
    in_an_empty_database(agree, history)


@pytest.mark.usefixtures("chunks")
@examples
@given(histories(CONTESTS))
def test_frequencies(history: History) -> None:
    in_an_empty_database(agree, history)


@pytest.mark.usefixtures("chunks")
@examples
@given(histories(LADDERS))
def test_contests_over_points_and_achievements(history: History) -> None:
    in_an_empty_database(agree, history)


# ── with itself, whenever it looks ───────────────────────────────────────────────────────────────────────


@examples
@given(histories(LIVES))
def test_looking_at_everything_as_it_happens_and_once_at_the_end_are_the_same(history: History) -> None:
    """To the moment and the day: nothing arrives late, so the earliest known is the earliest there is."""
    given_first, facts = parted(history)
    step_by_step = History(scene=history.scene, batches=(given_first, *((fact,) for fact in facts)))
    at_once = History(scene=history.scene, batches=(given_first, tuple(facts)))
    assert in_an_empty_database(awards_of, step_by_step) == in_an_empty_database(awards_of, at_once)


@pytest.mark.usefixtures("chunks")
@examples
@given(histories(LIVES_WITHOUT_CONTESTS))
def test_rules_that_come_last_give_what_they_would_have_given_as_it_happened(history: History) -> None:
    given_first, facts = parted(history)
    rules = tuple(change for change in given_first if is_rule(change))
    others = tuple(change for change in given_first if not is_rule(change))
    step_by_step = History(scene=history.scene, batches=(given_first, *((fact,) for fact in facts)))
    rules_last = History(scene=history.scene, batches=((*others, *facts), rules))
    assert in_an_empty_database(awards_of, step_by_step) == in_an_empty_database(awards_of, rules_last)


@examples
@given(histories(ADDITIONS))
def test_looking_after_each_fact_in_any_order_finds_whom_one_look_finds(history: History) -> None:
    changes = [change for batch in history.batches for change in batch]
    at_once = History(scene=history.scene, batches=(tuple(changes),))
    step_by_step = History(scene=history.scene, batches=tuple((change,) for change in changes))
    assert in_an_empty_database(winners, step_by_step) == in_an_empty_database(winners, at_once)


# ── playing ──────────────────────────────────────────────────────────────────────────────────────────────


def agree(history: History) -> None:
    world, stage = World(), Stage(history.scene)
    for thing in history.scene:
        world.put(thing)
    for batch in history.batches:
        play(batch, world=world, stage=stage)
        stage.look()
        record_ids = stage.record_ids()
        world.evaluate(record_ids)
        assert not list(Achievement.objects.exclude(last_error="").values_list("last_error", flat=True))
        assert stage.awards() == rows_of(world), stage.told()
        assert_settled(stage)
    event(f"awards: {min(len(world.awards), 9)}")
    event(f"withdrawn: {any(award.undone for award in world.awards)}")
    assert_explained(world, stage)
    assert not list(records.rebuild(check=True))


def play(batch: tuple[Change, ...], *, world: World, stage: Stage) -> None:
    for is_undo, changes in groupby(batch, key=lambda change: isinstance(change, Undo)):
        if not is_undo:
            world_and_stage(list(changes), world=world, stage=stage)
            continue
        for undo in changes:
            assert isinstance(undo, Undo)
            world.withdraw(stage.undo(undo), cause=undo.achievement)


def world_and_stage(changes: list[Change], *, world: World, stage: Stage) -> None:
    for change in changes:
        if isinstance(change, Put):
            world.put(change.thing)
        elif isinstance(change, Drop):
            world.drop(change.key)
    stage.play(changes)


def parted(history: History) -> tuple[tuple[Change, ...], list[Put]]:
    """What is there before anybody does anything, and the facts as they become known."""
    changes = [change for batch in history.batches for change in batch]
    things = [change.thing for change in changes if isinstance(change, Put)]
    first = tuple(Put(thing) for thing in things if isinstance(thing, naive.Achievement | naive.Subscription))
    facts = [
        thing
        for thing in things
        if isinstance(thing, naive.Fact) and not isinstance(thing, naive.Subscription)
    ]
    return first, as_it_happens(facts)


def is_rule(change: Change) -> bool:
    return isinstance(change, Put) and isinstance(change.thing, naive.Achievement)


def awards_of(history: History) -> set[Row]:
    stage = Stage(history.scene)
    for batch in history.batches:
        stage.play(batch)
        stage.look()
    assert_settled(stage)
    awards = stage.awards()
    event(f"awards: {min(len(awards), 9)}")
    return awards


def winners(history: History) -> set[tuple[str, str, int]]:
    return {row[:3] for row in awards_of(history)}


def assert_settled(stage: Stage) -> None:
    """Whoever looks at everybody finds nothing that was missed."""
    assert stage.look() == 0
    assert stage.look_at_everybody() == 0


def assert_explained(world: World, stage: Stage) -> None:
    """What each learner is told of each rule is what awarding counts."""
    record_ids = stage.record_ids()
    for achievement in world.all(naive.Achievement):
        for learner in world.all(naive.Learner):
            expected = world.standing(achievement.key, learner.key, record_ids)
            if expected is not None:
                assert stage.standing(achievement.key, learner.key) == expected, stage.told()


def rows_of(world: World) -> set[Row]:
    return {
        (
            award.learner,
            award.achievement,
            award.occurrence,
            award.earned_at,
            award.day,
            award.points,
            award.undone is not None,
        )
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
