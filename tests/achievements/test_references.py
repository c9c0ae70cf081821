"""A rule that names what was deleted rests and says so, until it is edited or the thing is back."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from achievements import backfill, evaluation
from achievements.authoring import save_achievement
from achievements.explanation import explain
from achievements.models import Achievement, EarnedAchievement
from achievements.preview import preview, preview_backfill
from achievements.references import pause_where_gone, problem_of, told
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    CourseFactory,
    CourseTagFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    SubscriptionProfileFactory,
    UserFactory,
)
from tms.errors import Conflict, DomainError
from tms.models import Lab, ProgressChange

pytestmark = pytest.mark.django_db

# what may go → how it is made, a rule that names it by its id, what the owner reads of it
THINGS = {
    "lab": (LabFactory, "[{LabProfileIds:[%d]}]", "lab %d"),
    "course": (CourseFactory, "[{Subject:10, CourseIds:[%d]}]", "course %d"),
    "tag": (CourseTagFactory, "[{Subject:20, CourseTagIds:[%d], Count:1}]", "course tag %d"),
    "profile": (SubscriptionProfileFactory, "[{Subject:30, ClubIds:[%d]}]", "subscription profile %d"),
    "achievement": (AchievementFactory, "[{Subject:40, AchievementIds:[%d]}]", "achievement %d"),
    "exclusion": (LabFactory, "[{Count:1, ExcludeLabProfileIds:[%d]}]", "lab %d"),
    "group": (LabFactory, '[{"Any":[{LabProfileIds:[%d]}, {Count:1}]}]', "lab %d"),
}


@pytest.fixture
def organization():
    return OrganizationFactory()


@pytest.fixture
def learner(organization):
    """Meets every rule over launches as such."""
    learner = UserFactory(organization=organization)
    LabInstanceFactory(user=learner)
    return learner


@pytest.fixture
def lab(organization):
    return LabFactory(organization=organization)


@pytest.fixture
def broken(organization, lab, learner):
    """Names a lab that is gone, beside any launch."""
    achievement = AchievementFactory(
        organization=organization,
        external_id="a-broken",
        conditions_text=f'[{{"Any":[{{LabProfileIds:[{lab.pk}]}}, {{Count:1}}]}}]',
    )
    lab.delete()
    return achievement


def stored(achievement):
    return Achievement.objects.select_related("organization").get(pk=achievement.pk)


def is_earned(achievement):
    return EarnedAchievement.objects.filter(achievement=achievement).exists()


@pytest.mark.parametrize("thing", THINGS)
def test_the_next_sweep_pauses_it_and_no_other(organization, learner, thing):
    make, conditions, words = THINGS[thing]
    named = make(organization=organization)
    rule = AchievementFactory(organization=organization, conditions_text=conditions % named.pk)
    other = AchievementFactory(organization=organization)
    pk = named.pk
    named.delete()
    evaluation.award_changes()
    backfill.award_due()
    rule = stored(rule)
    assert rule.paused_at
    assert problem_of(rule) == (
        f"The rule names what no longer exists: {words % pk}. It is paused until it is edited."
    )
    assert not is_earned(rule)
    assert (stored(other).paused_at, problem_of(stored(other)), is_earned(other)) == (None, "", True)


def test_the_nightly_pass_does_so_too(broken):
    evaluation.award_full()
    assert stored(broken).paused_at
    assert not is_earned(broken)


def test_nothing_is_paused_while_all_is_there(organization, lab):
    rule = AchievementFactory(organization=organization, conditions_text=f"[{{LabProfileIds:[{lab.pk}]}}]")
    assert pause_where_gone() == 0
    assert stored(rule).paused_at is None


def test_its_look_at_everybody_waits(broken):
    run = backfill.start(broken)
    evaluation.award_changes()
    backfill.award_due()
    run.refresh_from_db()
    assert (run.state, run.looked_at) == ("running", 0)


def test_an_edit_ends_the_pause_and_looks_at_everybody(broken, learner):
    evaluation.award_changes()
    broken = stored(broken)
    broken.conditions_text = "[{Count:1}]"
    save_achievement(broken)
    assert (stored(broken).paused_at, stored(broken).gone) == (None, {})
    evaluation.award_changes()
    backfill.award_due()
    assert EarnedAchievement.objects.get().learner == learner


def test_saving_without_an_edit_is_refused_with_the_place(broken):
    evaluation.award_changes()
    with pytest.raises(DomainError) as refused:
        save_achievement(stored(broken))
    assert refused.value.data["remarks"][0]["code"] == "unknown_id"
    assert stored(broken).paused_at


def test_what_is_back_lets_it_go_on(broken, lab, organization):
    pk = Achievement.objects.get().conditions[0]["Any"][0]["LabProfileIds"][0]
    evaluation.award_changes()
    backfill.award_due()
    Lab.objects.create(pk=pk, name="Back", organization=organization)
    ProgressChange.objects.all().delete()
    evaluation.award_changes()
    assert (stored(broken).paused_at, stored(broken).gone) == (None, {})
    backfill.award_due()
    assert is_earned(broken)


def test_what_else_goes_is_told_too(organization):
    labs = LabFactory.create_batch(2, organization=organization)
    first, second = [lab.pk for lab in labs]
    rule = AchievementFactory(
        organization=organization, conditions_text=f"[{{LabProfileIds:[{first}, {second}]}}]"
    )
    for lab in labs:
        lab.delete()
        pause_where_gone()
    assert f"lab {first}, {second}." in problem_of(stored(rule))
    since = stored(rule).paused_at
    assert pause_where_gone() == 0
    assert stored(rule).paused_at == since


def test_a_long_list_is_cut_short():
    ids = {"CourseTagIds": [7], "ExcludeLabProfileIds": [1], "LabProfileIds": list(range(2, 13))}
    assert told(ids) == (
        "The rule names what no longer exists: course tag 7; lab 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more."
        " It is paused until it is edited."
    )


def test_statements_do_not_grow_with_rules(organization):
    def more(number):
        tag = CourseTagFactory(organization=organization)
        for _ in range(number):
            AchievementFactory(
                organization=organization,
                conditions_text=f"[{{Subject:20, Count:1, CourseTagIds:[{tag.pk}]}}]",
            )
        return tag

    counts = []
    for number in (1, 8):
        tag = more(number)
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                pause_where_gone()
            counts.append(len(queries))
            if tag.pk:
                tag.delete()
    assert counts[:2] == counts[2:]


class TestWhoIsTold:
    @pytest.fixture(autouse=True)
    def paused(self, broken):
        evaluation.award_changes()

    def test_its_owner_on_the_dashboard(self, client, organization, broken):
        client.force_login(AdministratorFactory(organization=organization))
        shown = client.get("/").content.decode()
        assert "what no longer exists: lab" in shown
        assert "Paused" in shown
        client.force_login(AdministratorFactory())
        assert broken.name not in client.get("/").content.decode()

    def test_programs(self, client, organization, broken):
        client.force_login(AdministratorFactory(organization=organization))
        row = client.get("/api/v1/achievements/ext:a-broken/").json()
        assert row["problem"] == problem_of(stored(broken))
        assert row["paused_at"]

    def test_whoever_runs_the_evaluation_by_hand(self, broken):
        out = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("award", "--json", stdout=out)
        assert ended.value.code == 1
        [failed] = json.loads(out.getvalue())["failed"]
        assert failed == {"achievement": broken.pk, "error": problem_of(stored(broken))}

    def test_whoever_starts_a_backfill(self, broken):
        with pytest.raises(Conflict, match="what no longer exists: lab"):
            backfill.start(stored(broken))


class TestBeforeTheNextSweep:
    """The pause itself may be seconds away."""

    def test_an_explanation_says_what_is_gone(self, broken, learner):
        found = explain(stored(broken), learner)
        assert "what no longer exists: lab" in found.summary
        assert [gate.code for gate in found.gates if not gate.open] == ["rule"]

    def test_a_preview_says_what_is_gone_and_where(self, broken):
        with pytest.raises(DomainError, match="Line 1, column 26: LabProfileIds names"):
            preview(stored(broken))

    def test_so_does_one_of_a_backfill(self, broken):
        [sentence] = preview_backfill(stored(broken)).waiting_for
        assert "what no longer exists: lab" in sentence
