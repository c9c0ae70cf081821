"""Saving an achievement: its rule is read, checked against what exists, versioned, and marked to be run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from achievements.authoring import save_achievement
from achievements.conditions.language import LANGUAGE_VERSION
from achievements.models import Achievement, RuleVersion
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    CourseFactory,
    CourseTagFactory,
    LabFactory,
    OrganizationFactory,
    SubscriptionProfileFactory,
    UserFactory,
)
from tms.access import Role
from tms.errors import DomainError, NotFound, NotPermitted

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization():
    return OrganizationFactory()


@pytest.fixture
def achievement(organization):
    """Stored, and everything that it asked for is done."""
    made = AchievementFactory(organization=organization)
    Achievement.objects.update(full_run_due_at=None, issuing_due_at=None)
    return stored(made)


def stored(achievement) -> Achievement:
    return Achievement.objects.get(pk=achievement.pk)


def draft(organization, **given) -> Achievement:
    facts = {"name": "First Lab", "organization": organization, "conditions_text": "[{Subject:0, Count:1}]"}
    return Achievement(**{**facts, **given})


def refused(achievement, **options) -> DomainError:
    """Why it cannot be saved; nothing is stored."""
    before = list(Achievement.objects.order_by("pk").values())
    with pytest.raises(DomainError) as error:
        save_achievement(achievement, **options)
    assert list(Achievement.objects.order_by("pk").values()) == before
    return error.value


def is_recent(moment) -> bool:
    return moment is not None and timezone.now() - moment < timedelta(minutes=1)


# --- The rule and its versions ------------------------------------------------------------------------------


def test_the_rule_is_stored_as_read_beside_the_text_as_typed(organization):
    lab = LabFactory(organization=organization)
    text = f"[{{'Subject':0, count:3, LabProfileIds:[{lab.pk},],}}]"
    rule = save_achievement(draft(organization, conditions_text=text))
    saved = Achievement.objects.get()
    assert saved.conditions_text == text
    assert saved.conditions == [{"Subject": 0, "Count": 3, "LabProfileIds": [lab.pk]}]
    assert saved.language_version == saved.rule_versions.get().language_version == LANGUAGE_VERSION
    assert len(rule.conditions) == 1


def test_each_edit_of_the_rule_is_a_version_and_nothing_else_is(organization):
    admin = AdministratorFactory(organization=organization)
    achievement = draft(organization)
    save_achievement(achievement, actor=admin)
    achievement.name = "Renamed"
    save_achievement(achievement)
    achievement.conditions_text = '[ {"Subject": 0,   "Count": 1} ]'
    save_achievement(achievement)
    assert stored(achievement).rule_version == 1
    achievement.conditions_text = "[{Subject:0, Count:2}]"
    save_achievement(achievement)
    assert stored(achievement).rule_version == 2
    versions = RuleVersion.objects.values_list("number", "text", "conditions", "created_by")
    assert list(versions) == [
        (1, "[{Subject:0, Count:1}]", [{"Subject": 0, "Count": 1}], admin.pk),
        (2, "[{Subject:0, Count:2}]", [{"Subject": 0, "Count": 2}], None),
    ]


def test_an_achievement_that_was_read_before_somebody_elses_edit_keeps_counting_versions(achievement):
    mine, theirs = stored(achievement), stored(achievement)
    theirs.conditions_text = "[{Subject:0, Count:2}]"
    save_achievement(theirs)
    mine.conditions_text = "[{Subject:0, Count:3}]"
    save_achievement(mine)
    assert stored(achievement).rule_version == 3
    assert [version.number for version in achievement.rule_versions.all()] == [1, 2, 3]


def test_two_who_make_the_same_edit_make_one_version(achievement):
    mine, theirs = stored(achievement), stored(achievement)
    for copy in (theirs, mine):
        copy.conditions_text = "[{Subject:0, Count:2}]"
        save_achievement(copy)
    assert stored(achievement).conditions == [{"Subject": 0, "Count": 2}]
    assert stored(achievement).rule_version == achievement.rule_versions.count() == 2


# --- Refusals -----------------------------------------------------------------------------------------------


def test_a_mistake_in_the_rule_is_told_with_its_place_and_its_remedy(organization):
    error = refused(draft(organization, conditions_text="[{Subject:0,\n LabProfileId:[1], Count:1}]"))
    assert error.code == "conditions"
    (remark,) = error.data["remarks"]
    assert (remark["line"], remark["column"]) == (2, 2)
    assert remark["pointer"].startswith("/0")
    assert "LabProfileIds" in remark["message"]
    assert error.fields == {"conditions": [remark["message"]]}


def test_every_id_that_names_nothing_is_told_with_its_place(organization):
    known = {
        "LabProfileIds": LabFactory(organization=organization).pk,
        "CourseIds": CourseFactory(organization=organization).pk,
        "CourseTagIds": CourseTagFactory(organization=organization).pk,
        "ClubIds": SubscriptionProfileFactory(organization=organization).pk,
        "AchievementIds": AchievementFactory(organization=organization).pk,
    }
    subjects = {"LabProfileIds": 0, "CourseIds": 10, "CourseTagIds": 20, "ClubIds": 30, "AchievementIds": 40}
    known |= {f"Exclude{key}": pk for key, pk in known.items()}
    subjects |= {f"Exclude{key}": subject for key, subject in subjects.items()}

    def text(extra):
        rows = (
            f"{{Subject:{subjects[key]}, Count:1, {key}:[{pk}{extra}]}}" for key, pk in sorted(known.items())
        )
        return "[" + ",\n".join(rows) + "]"

    error = refused(draft(organization, conditions_text=text(", 987654")))
    assert [(row["line"], "987654" in row["message"]) for row in error.data["remarks"]] == [
        (line, True) for line in range(1, 11)
    ]
    save_achievement(draft(organization, conditions_text=text("")))


@pytest.mark.parametrize("text", ["", "[]", "  "])
def test_only_what_is_not_enabled_may_have_no_conditions(organization, text):
    error = refused(draft(organization, conditions_text=text))
    assert (error.code, list(error.fields)) == ("conditions", ["conditions"])
    save_achievement(draft(organization, conditions_text=text, enabled=False))
    achievement = Achievement.objects.get()
    achievement.enabled = True
    assert refused(achievement).code == "conditions"


def test_achievements_that_would_wait_for_each_other_are_refused_with_their_chain(organization):
    def holding(*achievements, **given):
        wanted = ",".join(str(achievement.pk) for achievement in achievements)
        return {"conditions_text": f"[{{Subject:40, AchievementIds:[{wanted}]}}]", **given}

    bronze = AchievementFactory(organization=organization, name="Bronze")
    side = AchievementFactory(organization=organization, name="Side")
    silver = AchievementFactory(organization=organization, name="Silver", **holding(bronze, side))
    gold = AchievementFactory(organization=organization, name="Gold", **holding(silver))
    bronze.conditions_text = holding(side, gold)["conditions_text"]
    error = refused(bronze)
    assert error.code == "cycle"
    assert error.message == "These achievements would wait for each other: Bronze → Gold → Silver → Bronze."
    assert error.data["path"] == [bronze.pk, gold.pk, silver.pk, bronze.pk]
    side.conditions_text = holding(side)["conditions_text"]
    assert refused(side).data["path"] == [side.pk, side.pk]
    side.conditions_text = holding(bronze)["conditions_text"]
    save_achievement(side)


def test_points_never_make_a_cycle(organization):
    points = "[{Subject:40, Points:100}]"
    for name in ("Bronze", "Silver"):
        achievement = AchievementFactory(organization=organization, name=name, conditions_text=points)
        save_achievement(achievement)
    assert Achievement.objects.count() == 2


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"points": -1}, "points"),
        ({"frequency_type": "weekly"}, "frequency_type"),
        ({"frequency": 0}, "frequency"),
        ({"frequency": -1}, "frequency"),
    ],
)
def test_what_is_not_valid_is_refused(organization, given, field):
    with pytest.raises((ValidationError, DomainError)) as error:
        save_achievement(draft(organization, **given))
    fields = getattr(error.value, "fields", None) or error.value.message_dict
    assert field in fields
    assert not Achievement.objects.exists()


# --- Who and what for whom ----------------------------------------------------------------------------------


def test_only_administrators_of_the_organization_write_its_achievements(achievement):
    learner = UserFactory(organization=achievement.organization)
    stranger = AdministratorFactory()
    achievement.name = "After"
    for actor in (learner, stranger):
        with pytest.raises(NotFound):
            save_achievement(achievement, actor=actor)
    achievement.organization = stranger.organization
    with pytest.raises(NotFound):
        save_achievement(achievement, actor=stranger)
    assert stored(achievement).name != "After"


def test_making_it_global_needs_the_supplemental_role_and_keeping_it_so_does_not(organization):
    plain = AdministratorFactory(organization=organization)
    special = AdministratorFactory(
        organization=organization, roles=[Role.ADMINISTRATOR, Role.GLOBAL_ACHIEVEMENTS]
    )
    with pytest.raises(NotPermitted):
        save_achievement(draft(organization, is_global=True), actor=plain)
    achievement = draft(organization)
    save_achievement(achievement, actor=plain)
    achievement.is_global = True
    with pytest.raises(NotPermitted):
        save_achievement(achievement, actor=plain)
    assert not stored(achievement).is_global
    save_achievement(achievement, actor=special)
    achievement.name = "Renamed"
    save_achievement(achievement, actor=plain)
    assert (stored(achievement).is_global, stored(achievement).name) == (True, "Renamed")
    root = UserFactory(is_superuser=True, organization=None)
    save_achievement(draft(organization, name="Of the system", is_global=True))
    save_achievement(draft(organization, name="Of the superuser", is_global=True), actor=root)


def test_a_badge_is_the_organizations_own_or_made_available_to_it(organization):
    save_achievement(draft(organization, badge=BadgeFactory(organization=organization)))
    elsewhere = BadgeFactory(name="Theirs")
    error = refused(draft(organization, badge=elsewhere))
    assert (error.code, list(error.fields)) == ("badge_not_available", ["badge"])
    assert "Theirs" in error.message
    elsewhere.available_to.add(OrganizationFactory())
    assert refused(draft(organization, badge=elsewhere)).code == "badge_not_available"
    elsewhere.available_to.add(organization)
    save_achievement(draft(organization, badge=elsewhere))


# --- What it asks for ---------------------------------------------------------------------------------------


def test_a_new_rule_is_to_be_run_over_everybody(organization):
    achievement = AchievementFactory(organization=organization)
    assert is_recent(stored(achievement).full_run_due_at)
    assert stored(achievement).issuing_due_at is None


@pytest.mark.parametrize(
    ("change", "is_run"),
    [
        ({"conditions_text": "[{Subject:0, Count:2}]"}, True),
        ({"is_global": True}, True),
        ({"name": "Renamed"}, False),
        ({"points": 99}, False),
        ({"conditions_text": "[ {subject: 0, count: 1} ]"}, False),
        ({"enabled": False}, False),
    ],
    ids=str,
)
def test_what_may_let_more_people_earn_it_asks_for_a_run(achievement, change, is_run):
    for name, value in change.items():
        setattr(achievement, name, value)
    save_achievement(achievement)
    assert is_recent(stored(achievement).full_run_due_at) is is_run
    assert stored(achievement).issuing_due_at is None


def test_enabling_it_and_moving_it_ask_for_a_run(achievement):
    achievement.enabled = False
    save_achievement(achievement)
    assert stored(achievement).full_run_due_at is None
    achievement.enabled = True
    save_achievement(achievement)
    assert is_recent(stored(achievement).full_run_due_at)
    Achievement.objects.update(full_run_due_at=None)
    achievement = stored(achievement)
    achievement.organization = OrganizationFactory()
    save_achievement(achievement)
    assert is_recent(stored(achievement).full_run_due_at)


def test_linking_or_changing_the_badge_asks_for_issuing_and_unlinking_for_none(achievement, organization):
    first, second = (BadgeFactory(organization=organization) for _number in range(2))
    for badge, is_due in ((first, True), (first, False), (second, True), (None, False)):
        Achievement.objects.update(issuing_due_at=None)
        achievement = stored(achievement)
        achievement.badge = badge
        save_achievement(achievement)
        assert is_recent(stored(achievement).issuing_due_at) is is_due
        assert stored(achievement).full_run_due_at is None


def test_unlinking_the_badge_takes_back_the_request_to_issue_it(achievement, organization):
    achievement.badge = BadgeFactory(organization=organization)
    save_achievement(achievement)
    achievement.badge = None
    save_achievement(achievement)
    assert stored(achievement).issuing_due_at is None


def test_an_edit_takes_back_no_request_that_was_made_after_the_form_was_opened(achievement):
    opened = stored(achievement)
    Achievement.objects.update(
        full_run_due_at=PAST, issuing_due_at=PAST, last_error="Broke.", last_error_at=PAST
    )
    opened.name = "Renamed"
    save_achievement(opened)
    after = stored(achievement)
    assert (after.name, after.full_run_due_at, after.issuing_due_at) == ("Renamed", PAST, PAST)
    assert (after.last_error, after.last_error_at) == ("Broke.", PAST)


def test_an_edited_rule_does_not_wait_for_the_mistake_of_the_one_before(achievement):
    Achievement.objects.update(last_error="Broke.", last_error_at=timezone.now())
    achievement = stored(achievement)
    achievement.conditions_text = "[{Subject:0, Count:2}]"
    save_achievement(achievement)
    assert (stored(achievement).last_error, stored(achievement).last_error_at) == ("", None)
    assert is_recent(stored(achievement).full_run_due_at)


def test_each_save_hints_at_the_work_it_asks_for(organization, monkeypatch):
    hints: list[str] = []
    monkeypatch.setattr("achievements.authoring.hint", hints.append)
    save_achievement(draft(organization))
    assert hints == ["achievements.award_changes"]


class TestWhatARuleMayName:
    """An administrator's rule names her own things and those above her organization, and no strangers'."""

    def test_a_strangers_lab_does_not_exist_for_her(self):
        administrator = AdministratorFactory()
        stranger = LabFactory()
        with pytest.raises(DomainError) as caught:
            save_achievement(
                AchievementFactory.build(
                    organization=administrator.organization,
                    conditions_text=f"[{{Subject:0, LabProfileIds:[{stranger.pk}]}}]",
                ),
                actor=administrator,
            )
        assert caught.value.data["remarks"][0]["pointer"] == "/0/LabProfileIds/0"

    def test_the_content_of_the_organization_above_can_be_named(self):
        above = OrganizationFactory()
        administrator = AdministratorFactory(organization=OrganizationFactory(parent=above))
        shared = LabFactory(organization=above)
        rule = save_achievement(
            AchievementFactory.build(
                organization=administrator.organization,
                conditions_text=f"[{{Subject:0, LabProfileIds:[{shared.pk}]}}]",
            ),
            actor=administrator,
        )
        assert rule.conditions
