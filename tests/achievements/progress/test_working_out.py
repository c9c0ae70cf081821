"""What is stored about how far somebody is: the same that an explanation tells, and never older than asked."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given

from achievements import backfill, evaluation
from achievements.evaluation import active_rule
from achievements.explanation import explain
from achievements.models import Achievement, Begun, Look
from achievements.progress import looks, working_out
from achievements.progress.find import percent
from achievements.progress.learners import learners
from achievements.progress.looks import look
from achievements.progress.working_out import work_out
from tests.achievements.oracle.histories import History, Theme, Undo, histories
from tests.achievements.oracle.stage import Stage
from tests.achievements.oracle.test_agreement import examples, in_an_empty_database
from tests.factories import (
    PAST,
    AchievementFactory,
    ActivityFactory,
    AdministratorFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseTagFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.models import User

pytestmark = pytest.mark.django_db
GATES = {"enabled", "owner_organization", "organization", "participation", "reach", "rule"}


@pytest.fixture
def learner():
    return UserFactory()


def rule(learner, text: str, **given) -> Achievement:
    return AchievementFactory(organization=learner.organization, conditions_text=text, **given)


def settle() -> None:
    evaluation.award_changes()
    backfill.award_due()
    work_out()


def stored(learner) -> dict[str, tuple[int, list[int]]]:
    rows = Begun.objects.filter(learner=learner).select_related("achievement")
    return {row.achievement.name: (row.percent, row.have) for row in rows}


# ── with the explanation ─────────────────────────────────────────────────────────────────────────────────


def assert_agrees() -> None:
    """Of everybody and every rule: begun and not earned is stored, with the numbers that are explained."""
    rows = {(row.learner_id, row.achievement_id): row for row in Begun.objects.all()}
    for learner in User.objects.select_related("organization"):
        for achievement in Achievement.objects.select_related("organization"):
            found = explain(achievement, learner)
            have = [condition.have for condition in found.conditions]
            may_earn = all(gate.open for gate in found.gates if gate.code in GATES)
            row = rows.pop((learner.pk, achievement.pk), None)
            if found.is_earned or not may_earn or not any(have):
                assert row is None, (achievement.conditions_text, have)
                continue
            assert row is not None, (achievement.conditions_text, have)
            assert row.have == have, achievement.conditions_text
            assert row.rule_version == achievement.rule_version
            assert (row.percent == 100) == all(found.parts), (achievement.conditions_text, have)
    assert not rows


def play(history: History) -> None:
    stage = Stage(history.scene)
    for learner in User.objects.all():
        look(learner)
    for batch in history.batches:
        for change in batch:
            if isinstance(change, Undo):
                stage.undo(change)
            else:
                stage.play([change])
        stage.look()
    work_out()
    assert_agrees()


@examples
@given(histories(Theme(subjects=(0, 10, 20, 30), frequencies=("per_user", "per_achievement"))))
def test_training_agrees_with_the_explanation(history: History) -> None:
    in_an_empty_database(play, history)


@examples
@given(histories(Theme(subjects=(0, 40, 50, 60), frequencies=("per_user", "per_day"))))
def test_activities_streaks_and_awards_agree_with_the_explanation(history: History) -> None:
    in_an_empty_database(play, history)


def assert_agrees_with_badge_progress(home) -> None:
    """Administrators, who ask for one achievement and everybody, are told the same."""
    administrator = AdministratorFactory(organization=home)
    for achievement in Achievement.objects.select_related("organization"):
        told = {row.pk: percent(row) for row in learners(active_rule(achievement), viewer=administrator)}
        for row in Begun.objects.filter(achievement=achievement, learner__organization=home):
            assert told[row.learner_id] == row.percent, achievement.conditions_text


def test_rules_of_every_kind_agree_with_the_explanation(learner):
    """Of one shape, alone, in groups, alike but for what they need; for insiders and through an open course."""
    home = learner.organization
    tag = CourseTagFactory(organization=home)
    courses = [
        CourseFactory(organization=home, tags=[tag], achievements_for_outside_organizations=n == 0)
        for n in range(3)
    ]
    labs = LabFactory.create_batch(3, organization=home)
    ids = ",".join(str(lab.pk) for lab in labs)
    for text in (
        "[{Subject:0, Count:9}]",
        "[{Subject:0, Count:99}]",
        "[{Subject:0, Count:9, Distinct:True}]",
        "[{Subject:0, Count:9, SingleDay:True}]",
        "[{Subject:0, Count:9, WithinDays:3}]",
        f"[{{Subject:0, Count:3, Distinct:True, LabProfileIds:[{ids}]}}]",
        f"[{{Subject:0, Count:8, LabProfileIds:[{ids}]}}]",
        f"[{{Subject:0, Count:8, SingleDay:True, LabProfileIds:[{labs[0].pk}]}}]",
        "[{Subject:0, Minutes:500}]",
        f"[{{Subject:10, Count:2, CourseIds:[{courses[0].pk},{courses[1].pk}], Distinct:True}}]",
        f"[{{Subject:20, Count:7, CourseTagIds:[{tag.pk}]}}]",
        f"[{{Subject:20, Count:7, CourseTagIds:[{tag.pk}], Complete:True}}]",
        "[{Subject:40, Points:5000}]",
        "[{Subject:50, Kinds:[learner_helped], Count:5, DistinctPeople:True}]",
        "[{Subject:60, Days:6}]",
        "[{Subject:60, Days:9}]",
        "[{Subject:0, Count:9}, {Any:[{Subject:60, Days:4}, {Subject:10, Count:3}]},"
        " {AtLeast:2, Of:[{Subject:0, Count:2}, {Subject:0, Count:30}, {Subject:60, Days:30}]}]",
    ):
        rule(learner, text, is_global=True)
    rule(learner, "[{Subject:0, Count:4}]", points=20)
    rule(learner, "[{Subject:0, Count:3}]", frequency=3)
    abroad = UserFactory(organization=OrganizationFactory(participate_in_global_achievements=True))
    outsider = UserFactory()
    opted_out = UserFactory(organization=home)
    people = [learner, abroad, outsider, opted_out]
    for number, person in enumerate(people, start=1):
        for days in range(number + 2):
            LabInstanceFactory(
                user=person, lab=labs[days % 3], started_at=PAST + timedelta(days=days), minutes=12.5
            )
        for course in courses[:number]:
            CourseAssignmentFactory(user=person, course=course)
        for other in (person, *people[:2]):
            ActivityFactory(user=person, kind="learner_helped", other_user=other)
        look(person)
    gates.opt_out(opted_out)
    settle()

    assert_agrees()
    assert_agrees_with_badge_progress(home)
    assert len(stored(learner)) > 12
    assert len(stored(outsider)) == 2
    assert stored(opted_out) == {}


# ── what is stored ───────────────────────────────────────────────────────────────────────────────────────


def test_only_what_is_begun_is_stored_and_goes_when_it_is_earned(learner):
    look(learner)
    rule(learner, "[{Subject:0, Count:4}]", name="Four")
    rule(learner, "[{Subject:0, Count:1, Passed:True}]", name="Exam")
    LabInstanceFactory(user=learner)
    settle()
    assert stored(learner) == {"Four": (25, [1])}

    LabInstanceFactory.create_batch(3, user=learner)
    settle()
    assert stored(learner) == {}


def test_what_has_not_changed_is_not_written(learner):
    look(learner)
    rule(learner, "[{Subject:0, Count:4}]", name="Four")
    rule(learner, "[{Subject:50, Kinds:[post_published], Count:4}]", name="Posts")
    LabInstanceFactory(user=learner)
    ActivityFactory(user=learner)
    settle()
    looks.ask([learner.pk])
    with CaptureQueriesContext(connection) as queries:
        work_out()
    written = [
        query["sql"] for query in queries if "begun" in query["sql"] and "SELECT" not in query["sql"][:7]
    ]
    assert written == []


def test_thirds_that_are_not_complete_are_never_told_as_all(learner):
    look(learner)
    rule(learner, "[{Subject:0, Count:300}]", name="Many")
    LabInstanceFactory.create_batch(2, user=learner)
    settle()
    assert stored(learner)["Many"] == (0, [2])


def test_a_withdrawn_rule_is_told_no_more(learner):
    look(learner)
    achievement = rule(learner, "[{Subject:0, Count:4}]")
    LabInstanceFactory(user=learner)
    settle()
    Achievement.objects.filter(pk=achievement.pk).update(enabled=False)
    looks.ask([learner.pk])
    work_out()
    assert stored(learner) == {}


# ── few statements ───────────────────────────────────────────────────────────────────────────────────────


def test_the_number_of_statements_depends_on_neither_learners_nor_rules_of_a_shape(learner):
    def statements(*, people: int, rules: int) -> int:
        home = OrganizationFactory()
        for number in range(rules):
            lab = LabFactory(organization=home)
            text = f"[{{Subject:0, Count:{number + 5}, LabProfileIds:[{lab.pk}]}}]"
            AchievementFactory(organization=home, conditions_text=text)
        lab = LabFactory(organization=home)
        for person in UserFactory.create_batch(people, organization=home):
            LabInstanceFactory(user=person, lab=lab)
            look(person)
        evaluation.award_changes()
        with CaptureQueriesContext(connection) as queries:
            work_out()
        return len(queries)

    assert statements(people=9, rules=12) == statements(people=1, rules=2)


def test_a_call_ends_after_some_chunks_and_who_looked_last_comes_first(learner, monkeypatch):
    monkeypatch.setattr(working_out, "CHUNK", 2)
    people = [learner, *UserFactory.create_batch(4)]
    for number, person in enumerate(people):
        look(person)
        Look.objects.filter(learner=person).update(looked_at=timezone.now() - timedelta(minutes=number))

    assert work_out(chunks=2) == 4
    [left] = Look.objects.filter(asked__gt=F("answered"))
    assert left.learner_id == people[-1].pk
    assert work_out() == 1


# ── never older than asked ───────────────────────────────────────────────────────────────────────────────


def test_what_happens_while_it_is_worked_out_is_asked_again(learner, monkeypatch):
    look(learner)
    real = working_out._standings

    def slowly(learners):
        found = dict(real(learners))
        looks.ask(learners)
        return iter(found.items())

    monkeypatch.setattr(working_out, "_standings", slowly)
    assert working_out._answer_some() == 1
    assert look(learner).is_moving
    monkeypatch.undo()
    assert work_out() == 1
    assert not look(learner).is_moving


def test_who_dies_before_storing_leaves_all_as_it_was_and_due(learner, monkeypatch):
    look(learner)
    rule(learner, "[{Subject:0, Count:4}]", name="Four")
    LabInstanceFactory(user=learner)
    settle()
    LabInstanceFactory(user=learner)
    evaluation.award_changes()

    def dies(*_args, **_given):
        raise SystemExit

    monkeypatch.setattr(working_out, "execute", dies)  # after the rows, before the answer
    with pytest.raises(SystemExit):
        work_out()
    monkeypatch.undo()
    assert stored(learner) == {"Four": (25, [1])}
    assert work_out() == 1
    assert stored(learner) == {"Four": (50, [2])}


def test_a_rule_that_fails_is_not_told_and_stops_no_other(learner, monkeypatch):
    look(learner)
    rule(learner, "[{Subject:0, Count:4}]", name="Four")
    rule(learner, "[{Subject:60, Days:4}]", name="Streak")
    LabInstanceFactory(user=learner)
    evaluation.award_changes()
    real = working_out.fetch

    def fails(statement):
        return (
            real(type(statement)("SELECT no_such_column"))
            if "utc_offset" in statement.text
            else real(statement)
        )

    monkeypatch.setattr(working_out, "fetch", fails)
    work_out()
    assert set(stored(learner)) == {"Four"}


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_store_it_once_and_right():
    learner = UserFactory()
    look(learner)
    rule(learner, "[{Subject:0, Count:400}]", name="Many")
    start = threading.Barrier(3)

    def work(act):
        start.wait()
        try:
            for _time in range(5):
                act()
        finally:
            connections.close_all()

    def learn():
        LabInstanceFactory(user=learner)
        evaluation.award_changes()

    threads = [threading.Thread(target=work, args=(act,)) for act in (work_out, work_out, learn)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    evaluation.award_changes()
    work_out()
    assert stored(learner) == {"Many": (1, [5])}
