"""The pages of one achievement: what they save, show and refuse."""

from __future__ import annotations

import html
import json
import re

import pytest

from achievements import backfill, intents
from achievements.models import Achievement, Backfill, EarnedAchievement, RuleRun
from badges.models import IssuedBadge
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    CourseFactory,
    CourseTagFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    LearningPathFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.access import Role
from tms.models import Notification

pytestmark = pytest.mark.django_db

CREATE = "/achievements/create/"
CHECK = "/achievements/create/conditions/"


@pytest.fixture
def administrator(client):
    person = AdministratorFactory()
    client.force_login(person)
    client.get(CREATE)  # her visit is noted once a day
    return person


def form_of(organization, **more):
    values = {
        "name": "Explorer",
        "organization": organization.pk,
        "points": 10,
        "frequency": 1,
        "frequency_type": "per_user",
        "enabled": "on",
        "conditions_text": "[{Subject:0, Count:2}]",
    }
    return {**values, **more}


def words(response) -> str:
    """The texts of a page, one space between them."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split()))


class TestSaving:
    def test_categories_are_suggested_and_not_required(self, client, administrator):
        AchievementFactory(organization=administrator.organization, category="Sailing")
        AchievementFactory(category="Of others")

        page = client.get(CREATE).content.decode()

        assert 'list="categories"' in page
        offered = re.findall(r'<option value="(\w[\w ]*)"></option>', page)
        assert offered == ["Profile", "Courses", "Community", "Engagement", "Sailing"]

    def test_an_achievement_is_created_with_its_badge_and_shown(self, client, administrator):
        badge = BadgeFactory(organization=administrator.organization)

        page = client.get(CREATE)
        assert f'<option value="{administrator.organization_id}" selected>' in page.content.decode()
        answer = client.post(CREATE, form_of(administrator.organization, badge=badge.pk, category="Labs"))

        made = Achievement.objects.get()
        assert answer["Location"] == f"/achievements/{made.pk}/"
        assert (made.name, made.badge, made.category) == ("Explorer", badge, "Labs")
        assert made.conditions == [{"Subject": 0, "Count": 2}]
        assert made.rule_versions.get().created_by == administrator
        assert "Launch 2 labs" in words(client.get(answer["Location"]))

    @pytest.mark.parametrize("badge", ["²", "9" * 5_000, "99999999999999999999"])
    def test_a_badge_that_cannot_be_one_is_refused(self, client, administrator, badge):
        page = client.post(CREATE, form_of(administrator.organization, badge=badge))

        assert page.status_code == 200
        assert not Achievement.objects.exists()

    def test_what_is_wrong_stands_beside_it_and_nothing_that_was_typed_is_lost(self, client, administrator):
        elsewhere = BadgeFactory()
        text = "[{Subject:0,\n Cout:2}]"

        page = client.post(CREATE, form_of(administrator.organization, name="", conditions_text=text))
        assert "This field is required." in words(page)
        assert "Line 2, column 2 Cout: did you mean Count?" in words(page)
        assert f"{html.escape(text)}</textarea>" in page.content.decode()

        page = client.post(CREATE, form_of(administrator.organization, conditions_text=text))
        assert "The conditions have mistakes" in words(page)
        page = client.post(CREATE, form_of(administrator.organization, conditions_text=""))
        assert "An enabled achievement needs conditions" in words(page)
        page = client.post(
            CREATE, form_of(administrator.organization, conditions_text="[“Subject”:0,”Count”:1]")
        )
        assert '[{"Subject": 0, "Count": 1}]' in words(page)  # as it was probably meant
        page = client.post(CREATE, form_of(administrator.organization, badge=elsewhere.pk))
        assert "not one of the available choices" in words(page)
        assert not Achievement.objects.exists()

    def test_a_badge_that_another_organization_of_hers_may_use_is_refused_at_its_field(
        self, client, administrator
    ):
        child = OrganizationFactory(parent=administrator.organization)
        badge = BadgeFactory(organization=administrator.organization)

        page = client.post(CREATE, form_of(child, badge=badge.pk))

        assert "is not available to this organization" in words(page)
        badge.available_to.add(child)
        assert client.post(CREATE, form_of(child, badge=badge.pk)).status_code == 302
        assert Achievement.objects.get().badge == badge

    def test_an_edit_keeps_what_the_form_does_not_show(self, client, administrator):
        made = AchievementFactory(organization=administrator.organization, is_global=True, external_id="a-1")

        client.post(
            f"/achievements/{made.pk}/edit/", form_of(administrator.organization, name="New", points=25)
        )

        made.refresh_from_db()
        assert (made.name, made.points, made.rule_version) == ("New", 25, 2)
        assert (made.is_global, made.external_id) == (True, "a-1")

    def test_global_is_for_those_with_the_role(self, client, administrator):
        sent = form_of(administrator.organization, is_global="on")
        assert "is_global" not in client.get(CREATE).content.decode()
        client.post(CREATE, sent)
        assert not Achievement.objects.get().is_global

        client.force_login(
            UserFactory(
                organization=administrator.organization,
                roles=[Role.ADMINISTRATOR, Role.GLOBAL_ACHIEVEMENTS],
            )
        )
        client.post(CREATE, {**sent, "name": "Everywhere"})
        assert Achievement.objects.get(name="Everywhere").is_global

    def test_what_was_last_changed_in_the_builder_is_saved_from_there(self, client, administrator):
        rows = {"edited_in": "builder", "rule.0.Subject": "60", "rule.0.Days": "7"}

        client.post(CREATE, form_of(administrator.organization, **rows))

        assert Achievement.objects.get().conditions == [{"Subject": 60, "Days": 7, "Kinds": ["session"]}]


class TestGoingLive:
    @pytest.fixture
    def zora(self, administrator):
        return LabInstanceFactory(user__organization=administrator.organization, user__first_name="Zora").user

    def test_who_would_earn_it_is_shown_first_and_told_as_chosen(self, client, administrator, zora):
        sent = form_of(administrator.organization, conditions_text="[{Subject:0, Count:1}]")

        asked = client.post(CREATE, sent, headers={"HX-Request": "true"})
        assert asked["HX-Retarget"] == "#activation"
        assert "learner would earn it now 1" in words(asked)
        assert "Zora" in words(asked)
        assert "Save and award 1 learner" in words(client.post(CREATE, sent))  # without script, too
        assert not Achievement.objects.exists()

        sent |= {"confirmed": "yes", "notification": "silent"}
        started = client.post(CREATE, sent, headers={"HX-Request": "true"})
        made = Achievement.objects.get()
        run = Backfill.objects.get()
        assert (run.achievement, run.notification, run.requested_by) == (made, "silent", administrator)
        assert f'hx-get="/achievements/backfills/{run.pk}/' in started.content.decode()
        assert made.rule_version == 1

        backfill.award_due()
        assert EarnedAchievement.objects.get().learner == zora
        assert not Notification.objects.filter(kind__startswith="achievement").exists()

    @pytest.mark.parametrize(
        "change", [{"enabled": ""}, {"conditions_text": "[{Subject:0, Count:50}]"}], ids=["off", "nobody"]
    )
    def test_what_gives_nobody_anything_is_saved_at_once(self, client, administrator, zora, change):
        sent = form_of(administrator.organization, **{"conditions_text": "[{Subject:0, Count:1}]", **change})

        answer = client.post(CREATE, sent, headers={"HX-Request": "true"})

        made = Achievement.objects.get()
        assert answer["HX-Redirect"] == f"/achievements/{made.pk}/"
        assert made.rule_version == 1

    def test_a_badge_linked_to_a_live_achievement_shows_whom_it_goes_to(self, client, administrator, zora):
        badge = BadgeFactory(organization=administrator.organization)
        made = AchievementFactory(organization=administrator.organization)
        backfill.award_due()
        made.refresh_from_db()
        page, sent = f"/achievements/{made.pk}/edit/", form_of(administrator.organization)
        sent |= {"name": made.name, "conditions_text": made.conditions_text}

        renamed = client.post(page, {**sent, "name": "Renamed"}, headers={"HX-Request": "true"})
        assert renamed["HX-Redirect"] == f"/achievements/{made.pk}/"
        asked = client.post(page, {**sent, "badge": badge.pk}, headers={"HX-Request": "true"})
        assert "have earned it before and get the badge 1" in words(asked)
        assert "Zora" in words(asked)
        assert not IssuedBadge.objects.exists()

        client.post(page, {**sent, "badge": badge.pk, "confirmed": "yes"}, headers={"HX-Request": "true"})
        intents.issue_due()
        assert IssuedBadge.objects.get().learner == zora

    def test_a_look_at_everybody_is_started_paused_resumed_and_undone(self, client, administrator, zora):
        made = AchievementFactory(organization=administrator.organization)
        page = f"/achievements/{made.pk}/look-at-everybody/"
        assert "learner gains it now 1" in words(client.get(page))
        assert (
            "/achievements/backfills/"
            in client.post(page, {"notification": "normal"}, headers={"HX-Request": "true"}).content.decode()
        )
        run = Backfill.objects.get()
        panel = f"/achievements/backfills/{run.pk}/"

        def steer(**sent):
            answer = client.post(panel, sent, headers={"HX-Request": "true"})
            run.refresh_from_db()
            return words(answer)

        assert "Paused" in steer(do="pause")
        assert run.state == "paused"
        assert "This cannot be done to a backfill that is: Paused." in steer(do="pause")
        steer(do="resume")
        backfill.award_due()
        seen = Backfill.objects.get().standing
        assert client.get(f"{panel}?seen={seen}", headers={"HX-Request": "true"}).status_code == 204
        assert "1 award was withdrawn." in steer(do="undo", reason="By mistake")
        assert (run.state, run.undo_reason, run.undone_by) == ("undone", "By mistake", administrator)
        assert EarnedAchievement.objects.get().withdrawn_at

    def test_a_preview_says_what_stands_in_the_way(self, client, administrator, zora):
        gates.opt_out(zora)
        sent = form_of(administrator.organization, conditions_text="[{Subject:0, Count:1}]", enabled="")

        page = words(client.post("/achievements/create/preview/", sent))
        assert "The achievement is not enabled." in page
        assert "1 not participating in achievements" in page

        page = words(client.post("/achievements/create/preview/", {**sent, "name": ""}))
        assert "It cannot be previewed as it stands:" in page
        assert not Achievement.objects.exists()


class TestProfile:
    def test_it_tells_facts_counts_runs_and_why_a_rule_rests(
        self, client, administrator, django_assert_max_num_queries
    ):
        organization = administrator.organization
        badge = BadgeFactory(name="Cloud", organization=organization)
        made = AchievementFactory(organization=organization, badge=badge, description="For all.", points=15)
        for status in ("issued", "accepted", "queued"):
            issued = IssuedBadgeFactory(badge=badge, status=status)
            EarnedAchievement.objects.create(
                learner=issued.learner,
                achievement=made,
                earned_at=PAST,
                earned_day=PAST.date(),
                points=15,
                rule_version=1,
                issued_badge=issued,
            )
        RuleRun.objects.create(
            achievement=made, started_at=PAST, seconds=0.5, looked_at=1200, awarded=3, error="Too slow."
        )
        Achievement.objects.filter(pk=made.pk).update(paused_at=PAST, last_error="Too slow.")

        with django_assert_max_num_queries(12):
            page = words(client.get(f"/achievements/{made.pk}/"))

        for text in (
            "For all.",
            "Launch a lab",
            "[{Subject:0, Count:1}]",
            "Learners who earned it 3",
            "Badges issued 2",
            "Badges under way 1",
            "The rule is paused. Too slow.",
            "1,200",
        ):
            assert text in page
        assert f"/achievements/{made.pk}/edit/" in client.get(f"/achievements/{made.pk}/").content.decode()


class TestChecking:
    def test_text_is_shown_in_words_and_as_rows(self, client, administrator, django_assert_max_num_queries):
        tag = CourseTagFactory(name="Azure", organization=administrator.organization)
        text = f"[{{Subject:20, Count:3, CourseTagIds:[{tag.pk}], Complete:True, WithinDays:30}}]"

        with django_assert_max_num_queries(20):
            page = client.post(CHECK, form_of(administrator.organization, conditions_text=text))

        assert "Complete 3 courses tagged “Azure” within 30 days" in words(page)
        assert f'name="rule.0.CourseTagIds" id="rule-0-CourseTagIds" value="{tag.pk}"' in " ".join(
            page.content.decode().split()
        )
        assert not Achievement.objects.exists()

    def test_rows_are_written_as_text_and_remarks_go_to_their_rows(self, client, administrator):
        lab = LabFactory(organization=administrator.organization)
        rows = {
            "edited_in": "builder",
            "rule.0.Subject": "10",
            "rule.0.Count": "2",
            "rule.0.Complete": "yes",
            "rule.1.group": "Any",
            "rule.1.0.Subject": "0",
            "rule.1.0.LabProfileIds": str(lab.pk),
            "rule.1.0.Count": "1",
            "rule.1.0.MinScorePercent": "101",
        }

        page = client.post(CHECK, form_of(administrator.organization, **rows)).content.decode()

        assert "{&quot;Subject&quot;: 10, &quot;Count&quot;: 2, &quot;Complete&quot;: true}" in page
        place = page.index('id="rule-1-0-MinScorePercent-said"')
        assert "from 0 to 100" in page[place : place + 300]

        rows["rule.1.0.MinScorePercent"] = "80"
        page = words(client.post(CHECK, form_of(administrator.organization, **rows)))
        assert "Complete 2 courses" in page
        assert f"Launch the lab “{lab.name}”" in page

    def test_things_of_strangers_are_neither_named_nor_offered(self, client, administrator):
        own = LabFactory(name="Our lab", organization=administrator.organization)
        theirs = LabFactory(name="Their lab")
        text = f"[{{Subject:0, Count:1, LabProfileIds:[{own.pk},{theirs.pk}]}}]"

        page = words(client.post(CHECK, form_of(administrator.organization, conditions_text=text)))
        offered = words(client.get("/achievements/create/choose/?key=LabProfileIds&row=0"))

        assert "Our lab" in page
        assert f"LabProfileIds names {theirs.pk}, which does not exist or is not yours to use." in page
        assert "Our lab" in offered
        assert "Their lab" not in page + offered

    def test_a_learning_path_is_written_as_its_courses_and_its_exam(self, client, administrator):
        organization = administrator.organization
        exam = LabFactory(name="Finals", organization=organization, is_exam=True)
        courses = [
            CourseFactory(organization=organization),
            CourseFactory(organization=organization),
        ]
        courses[0].labs.add(exam)
        path = LearningPathFactory(subscription_profile__organization=organization, courses=courses)
        theirs = LearningPathFactory(courses=[CourseFactory()])
        dialog = "/achievements/create/choose/learning-path/"

        assert path.name in words(client.get(dialog))
        assert theirs.name not in words(client.get(dialog))
        chosen = client.post(dialog, {"chosen": path.pk, "confirm": "yes", "organization": organization.pk})
        wish = json.loads(chosen["HX-Trigger"])["conditions-built"]["wish"]
        sent = form_of(organization, edited_in="builder")
        page = words(client.post(CHECK, {**sent, "do": wish}))

        first, second = sorted(course.pk for course in courses)
        assert f'{{"Subject": 10, "Count": 2, "CourseIds": [{first}, {second}], "Distinct": true' in page
        assert "Pass the exam “Finals”" in page
        page = words(client.post(CHECK, {**sent, "do": f"from learning-path {theirs.pk}"}))
        assert "Subject" not in page
