"""A learner's page of achievements and badges, and who else may see it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from achievements import evaluation
from achievements.authoring import save_achievement
from achievements.models import EarnedAchievement
from achievements.progress.working_out import work_out
from achievements.rewards import ON_A_PAGE
from badges.models import Badge, IssuedBadge
from badges.status import HELD_ACCOUNT_PAUSED, HELD_BADGE_INACTIVE, Status
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    CourseFactory,
    CourseTagFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import gates
from tms.access import Role
from tms.models import ProgressChange

pytestmark = pytest.mark.django_db

OWN = "/achievements/"


def page_of(learner) -> str:
    return f"/users/{learner.pk}/achievements/"


def earn(learner, achievement=None, **fields):
    achievement = achievement or AchievementFactory(organization=learner.organization)
    values = {"earned_at": PAST, "earned_day": PAST.date(), "points": achievement.points, "rule_version": 1}
    return EarnedAchievement.objects.create(learner=learner, achievement=achievement, **{**values, **fields})


def hold(learner, name="Cloud Foundations", **fields):
    badge = BadgeFactory(name=name, organization=learner.organization)
    return IssuedBadgeFactory(badge=badge, learner=learner, **fields)


def arrive(client, learner) -> None:
    """Sign in; that she is here today is noted and evaluated, and her progress worked out."""
    client.force_login(learner)
    client.get(OWN)
    ProgressChange.objects.filter(learner=learner).delete()
    work_out()


def words(response) -> str:
    return response.content.decode()


@pytest.fixture
def learner():
    return UserFactory(email="ada@example.org", first_name="Ada", last_name="Lovelace")


class TestWhatIsShown:
    def test_achievements_come_first_with_points_description_and_date(self, client, learner):
        achievement = AchievementFactory(
            name="First steps",
            description="The first lab is launched.",
            organization=learner.organization,
            points=15,
        )
        earn(learner, achievement)
        hold(learner)
        client.force_login(learner)

        page = words(client.get(OWN))

        assert "The first lab is launched." in page
        assert "March 2, 2026" in page
        assert "<b>15</b>" in page
        assert page.index("First steps") < page.index("Cloud Foundations")

    def test_what_had_to_be_done_is_told_in_words_beside_the_description(self, client, learner):
        lab = LabFactory(name="Three <tiers>", organization=learner.organization)
        achievement = AchievementFactory(
            organization=learner.organization,
            description="For beginners.",
            conditions_text=f"[{{Subject:0, Count:1, Complete:True, LabProfileIds:[{lab.pk}]}}]",
        )
        earn(learner, achievement)
        client.force_login(learner)

        page = words(client.get(OWN))

        assert "For beginners." in page
        assert "Complete the lab “Three &lt;tiers&gt;”" in page
        assert "LabProfileIds" not in page

    def test_a_rule_of_several_conditions_is_a_list_and_its_groups_are_lists_within(self, client, learner):
        achievement = AchievementFactory(
            organization=learner.organization,
            conditions_text="[{Count:2, Distinct:true}, {Any:[{Subject:60, Days:7}, {Subject:40, Points:5}]}]",
        )
        earn(learner, achievement)
        client.force_login(learner)

        page = re.sub(r">\s+|\s+<", lambda edge: edge.group().strip(), words(client.get(OWN)))

        assert (
            "All of these:<ul><li>Launch 2 different labs</li><li>Any of these:<ul>"
            "<li>Be active on 7 days in a row</li><li>Collect 5 points</li></ul></li></ul>"
        ) in page

    def test_the_rule_is_the_one_that_was_met_even_if_it_has_changed(self, client, learner):
        achievement = AchievementFactory(
            organization=learner.organization, conditions_text="[{Subject:0, Count:3, Distinct:true}]"
        )
        earn(learner, achievement)
        achievement.conditions_text = "[{Subject:0, Count:99, Distinct:true}]"
        save_achievement(achievement)
        earn(learner, achievement, rule_version=2, occurrence=2, earned_at=PAST + timedelta(days=1))
        client.force_login(learner)

        newer, older = client.get(OWN).context["rewards"].achievements

        assert newer.rule_in_words == "Launch 99 different labs"
        assert older.rule_in_words == "Launch 3 different labs"

    def test_totals_leave_out_what_was_withdrawn(self, client, learner):
        earn(learner, points=40)
        earn(learner, points=2)
        earn(learner, points=1000, withdrawn_at=timezone.now())
        client.force_login(learner)

        response = client.get(OWN)

        assert response.context["rewards"].points == 42
        assert len(response.context["rewards"].achievements) == 2
        assert '<dd class="earned">' in words(response)

    def test_a_pending_badge_tells_where_it_went_and_how_to_accept_it(self, client, learner):
        hold(
            learner,
            status=Status.ISSUED,
            external_state="pending",
            accept_url="https://provider.example/accept",
            recipient_email="ada@example.org",
        )
        client.force_login(learner)

        page = words(client.get(OWN))

        assert "Issued – pending acceptance" in page
        assert "Credly has written to ada@example.org." in page
        assert 'href="https://provider.example/accept"' in page
        assert "Accept at Credly" in page

    @pytest.mark.parametrize(
        ("fields", "label", "sentence"),
        [
            ({"status": Status.QUEUED}, "Waiting", "On its way to ada@example.org."),
            ({"status": Status.UNKNOWN}, "Checking with Credly", "On its way to ada@example.org."),
            (
                {"status": Status.HELD, "hold_reason": HELD_BADGE_INACTIVE},
                "Waiting: the badge is not active",
                "It is sent as soon as the badge is active.",
            ),
            (
                {"status": Status.HELD, "hold_reason": HELD_ACCOUNT_PAUSED},
                "Waiting: the badge provider is paused",
                "It is sent as soon as the account at Credly works again.",
            ),
            (
                {"status": Status.FAILED},
                "Failed",
                "It could not be sent to ada@example.org. The training organization sees why, and can send it again.",
            ),
            ({"status": Status.ACCEPTED}, "Accepted", "It went to ada@example.org and is ready to share."),
            ({"status": Status.REJECTED}, "Rejected by earner", "It can still be accepted there."),
            (
                {"status": Status.REVOKED, "ended_reason": "The exam was taken by somebody else."},
                "Revoked",
                "Taken back: The exam was taken by somebody else.",
            ),
            ({"status": Status.REVOKED}, "Revoked", "Taken back. The training organization can tell why."),
            ({"status": Status.EXPIRED}, "Expired", "No longer valid. The training organization can tell"),
            (
                {"status": Status.EXPIRED, "expires_at": PAST},
                "Expired",
                "It was valid until March 2, 2026. The training organization can tell whether it can be renewed.",
            ),
        ],
    )
    def test_every_status_is_told_in_words(self, client, learner, fields, label, sentence):
        hold(learner, recipient_email="ada@example.org", **fields)
        client.force_login(learner)

        page = words(client.get(OWN))

        assert label in page
        assert sentence in page

    def test_why_the_provider_refused_is_not_the_learners_to_read(self, client, learner):
        hold(
            learner,
            status=Status.FAILED,
            failure_message="Our sentence",
            provider_message="The token of this account is wrong",
        )
        client.force_login(learner)

        page = words(client.get(OWN))

        assert "The token of this account is wrong" not in page
        assert "Our sentence" not in page

    @pytest.mark.parametrize("status", [Status.CANCELLED, Status.SUPERSEDED, Status.REMOVED])
    def test_what_she_does_not_have_is_not_listed(self, client, learner, status):
        hold(learner, status=status)
        client.force_login(learner)

        assert "Cloud Foundations" not in words(client.get(OWN))

    def test_a_badge_taken_back_and_issued_again_stands_there_once(self, client, learner):
        revoked = hold(learner, status=Status.REVOKED)
        IssuedBadgeFactory(badge=revoked.badge, learner=learner, status=Status.ACCEPTED)
        client.force_login(learner)

        [shown] = client.get(OWN).context["rewards"].badges

        assert shown.row.status == Status.ACCEPTED

    def test_nothing_yet_says_so_and_to_herself_what_leads_to_something(self, client, learner):
        client.force_login(AdministratorFactory(organization=learner.organization))
        assert words(client.get(page_of(learner))).count("Nothing to display, yet.") == 2

        client.force_login(learner)
        page = words(client.get(OWN))

        assert "Your first achievement is close: launch a lab" in page
        assert "Badges come with achievements, or from those who teach you." in page

    def test_the_total_counts_what_she_has_or_is_about_to_have(self, client, learner):
        for status in (Status.ACCEPTED, Status.QUEUED, Status.FAILED, Status.REVOKED, Status.EXPIRED):
            hold(learner, name=status, status=status)
        client.force_login(learner)

        response = client.get(OWN)

        assert re.search(r"Badges</a>\s*</dt>\s*<dd>\s*2\s*</dd>", response.content.decode())
        assert len(response.context["rewards"].badges) == 5

    def test_texts_of_other_people_are_escaped(self, client, learner):
        achievement = AchievementFactory(
            name="<script>alert(1)</script>", organization=learner.organization, description="<b>bold</b>"
        )
        earn(learner, achievement)
        client.force_login(learner)

        page = words(client.get(OWN))

        assert "<script>alert" not in page
        assert "<b>bold" not in page

    def test_it_takes_few_queries_however_much_she_has(self, client, learner):
        arrive(client, learner)
        with CaptureQueriesContext(connection) as none:
            client.get(OWN)
        lab = LabFactory(organization=learner.organization)
        text = f"[{{Subject:0, Count:1, LabProfileIds:[{lab.pk}]}}]"
        achievement = AchievementFactory(organization=learner.organization, conditions_text=text)
        provider = BadgeProviderFactory(organization=learner.organization)
        badges = Badge.objects.bulk_create(
            Badge(
                name=f"Badge {n}",
                organization=learner.organization,
                badge_provider=provider,
                template_id=f"template-{n}",
            )
            for n in range(500)
        )
        IssuedBadge.objects.bulk_create(
            IssuedBadge(
                badge=badge,
                learner=learner,
                source_kind=IssuedBadge.Source.API,
                earned_at=PAST,
                recipient_email=learner.email,
            )
            for badge in badges
        )
        EarnedAchievement.objects.bulk_create(
            EarnedAchievement(
                learner=learner,
                achievement=achievement,
                occurrence=n,
                earned_at=PAST,
                earned_day=PAST.date(),
                points=1,
                rule_version=1,
            )
            for n in range(500)
        )

        with CaptureQueriesContext(connection) as many:
            response = client.get(OWN)

        rewards = response.context["rewards"]
        assert rewards.badge_pages.paginator.count == rewards.achievement_pages.paginator.count == 500
        assert rewards.points == 500
        assert len(rewards.badges) == len(rewards.achievements) == ON_A_PAGE
        assert max(len(none), len(many)) <= 12

    def test_even_where_rules_name_everything_and_she_looks_for_the_first_time(
        self, client, learner, django_assert_max_num_queries
    ):
        home = learner.organization
        lab, course = LabFactory(organization=home), CourseFactory(organization=home)
        tag, other = CourseTagFactory(organization=home), AchievementFactory(organization=home)
        for number in range(3):
            earn(
                learner,
                AchievementFactory(
                    organization=home,
                    conditions_text=f"[{{Subject:0, LabProfileIds:[{lab.pk}]}},"
                    f" {{Subject:10, CourseIds:[{course.pk}]}}, {{Subject:20, CourseTagIds:[{tag.pk}]}},"
                    f" {{Subject:40, AchievementIds:[{other.pk}]}}, {{Subject:0, Count:{number + 1}}}]",
                ),
            )
        hold(learner)
        client.force_login(learner)
        client.get("/")
        with django_assert_max_num_queries(12):
            client.get(OWN)

    def test_long_lists_have_pages_and_each_is_turned_by_itself(self, client, learner):
        for number in range(ON_A_PAGE + 2):
            achievement = AchievementFactory(name=f"Number {number:02}", organization=learner.organization)
            earn(learner, achievement, earned_at=PAST + timedelta(minutes=number))
            hold(learner, f"Badge {number:02}", earned_at=PAST + timedelta(minutes=number))
        client.force_login(learner)

        first = client.get(OWN)
        second = client.get(OWN, {"achievements": "2"})

        assert f"1–{ON_A_PAGE} of {ON_A_PAGE + 2}" in words(first)
        assert [each.row.achievement.name for each in second.context["rewards"].achievements] == [
            "Number 01",
            "Number 00",
        ]
        assert second.context["rewards"].badges[0].row.badge.name == f"Badge {ON_A_PAGE + 1}"
        assert second.context["rewards"].points == first.context["rewards"].points
        assert "?achievements=2&amp;badges=2#badges" in words(second)
        for nonsense in ("0", "99", "x", "-1", "9" * 30):
            page = client.get(OWN, {"achievements": nonsense, "badges": nonsense})
            assert page.context["rewards"].achievement_pages.number == 1

    def test_what_is_nearest_is_shown_with_how_much_is_missing(self, client, learner):
        for need in (10, 4, 8, 5):
            AchievementFactory(
                name=f"Of {need}",
                organization=learner.organization,
                conditions_text=f"[{{Subject:0, Count:{need}}}]",
            )
        LabInstanceFactory.create_batch(2, user=learner)
        client.force_login(learner)
        client.get(OWN)
        evaluation.award_changes()
        work_out()

        page = words(client.get(OWN))

        assert page.index("In progress") < page.index("Of 4") < page.index("Of 5") < page.index("Of 8")
        assert "Of 10" not in page
        assert "2 of 4" in page
        assert "Launch 4 labs" in page
        assert f'href="/members/{learner.pk}/achievements/"' in page


class TestWhoMaySee:
    def test_the_learner_herself_under_both_addresses(self, client, learner):
        earn(learner)
        client.force_login(learner)

        for address in (OWN, page_of(learner)):
            assert "I do not want to participate in achievements" in words(client.get(address))

    @pytest.mark.parametrize("above", [False, True])
    def test_administrators_of_her_organization_and_of_those_above(self, client, learner, above):
        if above:
            parent = OrganizationFactory()
            learner.organization.parent = parent
            learner.organization.save()
            administrator = AdministratorFactory(organization=parent)
        else:
            administrator = AdministratorFactory(organization=learner.organization)
        hold(learner)
        client.force_login(administrator)

        page = words(client.get(page_of(learner)))

        assert "Ada Lovelace" in page
        assert f'href="/users/{learner.pk}/"' in page
        assert 'href="/users/"' in page
        assert "Cloud Foundations" in page
        assert "I do not want to participate" not in page

    def test_an_administrator_does_not_accept_in_the_learners_place(self, client, learner):
        hold(learner, status=Status.ISSUED, external_state="pending", accept_url="https://provider.example/a")
        client.force_login(AdministratorFactory(organization=learner.organization))

        assert "https://provider.example/a" not in words(client.get(page_of(learner)))

    def test_for_anybody_else_the_page_does_not_exist(self, client, learner):
        child = OrganizationFactory(parent=learner.organization)
        strangers = [
            UserFactory(organization=learner.organization),
            UserFactory(organization=learner.organization, roles=[Role.INSTRUCTOR]),
            AdministratorFactory(),
            AdministratorFactory(organization=child),
        ]
        for stranger in strangers:
            client.force_login(stranger)
            assert client.get(page_of(learner)).status_code == 404

    def test_nobody_is_not_found_either(self, client, learner):
        client.force_login(AdministratorFactory())

        assert client.get("/users/999999/achievements/").status_code == 404

    def test_strangers_sign_in_first(self, client, learner):
        assert client.get(OWN).status_code == 302
        assert client.get(page_of(learner)).status_code == 302


class TestNotParticipating:
    def test_her_own_page_shows_her_decision_and_nothing_else(self, client, learner):
        earn(learner, AchievementFactory(name="Earned before", organization=learner.organization))
        hold(learner, "Earned badge", source_kind=IssuedBadge.Source.ACHIEVEMENT)
        hold(learner, "Badge by hand")
        gates.opt_out(learner)
        client.force_login(learner)

        page = words(client.get(OWN))

        assert "I want to participate in achievements" in page
        for hidden in ("Earned before", "Earned badge", "Badge by hand"):
            assert hidden not in page

    def test_she_is_told_what_remains_at_the_providers_and_where(self, client, learner):
        hold(learner, "Cloud", status=Status.ACCEPTED, external_url="https://provider.example/cloud")
        hold(learner, "Waiting", status=Status.QUEUED)
        hold(learner, "Revoked", status=Status.REVOKED)
        account = BadgeProviderFactory(organization=learner.organization, kind="accredible")
        other = BadgeFactory(name="Other", organization=learner.organization, badge_provider=account)
        IssuedBadgeFactory(badge=other, learner=learner, status=Status.ISSUED)
        client.force_login(learner)

        before = words(client.get(OWN))
        gates.opt_out(learner)
        after = words(client.get(OWN))

        for page in (before, after):
            assert "1 badge remains at Credly" in page
            assert "1 badge remains at Accredible" in page
        assert 'href="https://provider.example/cloud"' in after
        assert "Other" in after
        for gone in ("Waiting", "Revoked"):
            assert gone not in after

    def test_many_that_remain_are_counted(self, client, learner):
        for number in range(14):
            hold(learner, f"Badge {number}", status=Status.ISSUED)
        gates.opt_out(learner)
        client.force_login(learner)
        page = words(client.get(OWN))
        assert "14 badges remain at Credly" in page
        assert "and 2 more" in page

    def test_her_decision_outlives_the_organizations_switch(self, client, learner):
        gates.opt_out(learner)
        organization = learner.organization
        for is_enabled in (False, True):
            organization.enable_achievements = is_enabled
            gates.save_organization(organization)
        LabInstanceFactory(user=learner)
        AchievementFactory(organization=organization)
        evaluation.award_changes()
        client.force_login(learner)

        assert "I want to participate in achievements" in words(client.get(OWN))
        assert not EarnedAchievement.objects.exists()
        client.post(OWN, {"participate": "yes"})
        evaluation.award_changes()
        assert EarnedAchievement.objects.filter(learner=learner).count() == 1

    @pytest.mark.parametrize("why", ["opted out", "not ticked", "switched off"])
    def test_administrators_see_what_was_issued_by_hand_and_no_more(self, client, learner, why):
        earn(learner, AchievementFactory(name="Earned before", organization=learner.organization))
        hold(learner, "Earned badge", source_kind=IssuedBadge.Source.ACHIEVEMENT)
        hold(learner, "Badge by hand", source_kind=IssuedBadge.Source.ROSTER)
        if why == "opted out":
            gates.opt_out(learner)
        elif why == "not ticked":
            learner.participate_in_achievements = False
            gates.save_user(learner)
        else:
            learner.organization.enable_achievements = False
            gates.save_organization(learner.organization)
        client.force_login(AdministratorFactory(organization=learner.organization))

        page = words(client.get(page_of(learner)))

        assert "Badge by hand" in page
        assert "Earned before" not in page
        assert "Earned badge" not in page

    def test_an_organization_without_achievements_says_so(self, client):
        learner = UserFactory(organization=OrganizationFactory(enable_achievements=False))
        hold(learner, "Badge by hand")
        client.force_login(learner)

        page = words(client.get(OWN))

        assert "has not enabled achievements" in page
        assert "Badge by hand" not in page
        assert "participate" not in page


class TestDeciding:
    def test_opting_out_is_stored_and_told(self, client, learner):
        client.force_login(learner)

        response = client.post(OWN, {"participate": "no"}, follow=True)

        learner.refresh_from_db()
        assert learner.opted_out_at is not None
        assert learner.participate_in_achievements is False
        assert "You no longer participate in achievements." in words(response)

    def test_coming_back_asks_for_an_evaluation_of_what_was_missed(self, client, learner):
        gates.opt_out(learner)
        ProgressChange.objects.all().delete()
        client.force_login(learner)

        client.post(OWN, {"participate": "yes"})

        learner.refresh_from_db()
        assert learner.opted_out_at is None
        assert learner.participate_in_achievements is True
        assert ProgressChange.objects.filter(learner=learner).exists()

    def test_a_learner_cannot_overrule_her_administrator(self, client, learner):
        learner.participate_in_achievements = False
        gates.save_user(learner)
        client.force_login(learner)

        for decision in ("no", "yes"):
            client.post(OWN, {"participate": decision})

        learner.refresh_from_db()
        assert learner.participate_in_achievements is False
        assert learner.opted_out_at is None

    @pytest.mark.parametrize("data", [{}, {"participate": "maybe"}])
    def test_anything_else_changes_nothing(self, client, learner, data):
        client.force_login(learner)

        client.post(OWN, data)

        learner.refresh_from_db()
        assert learner.participate_in_achievements is True

    def test_nobody_decides_for_another(self, client, learner):
        client.force_login(AdministratorFactory(organization=learner.organization))

        response = client.post(page_of(learner), {"participate": "no"})

        learner.refresh_from_db()
        assert response.status_code == 405
        assert learner.opted_out_at is None


class TestWatching:
    """The page asks for its own part again while something is on its way."""

    def part(self, client, *, seen: str = ""):
        return client.get(OWN, {"seen": seen}, headers={"HX-Request": "true"})

    @pytest.mark.parametrize("status", [Status.QUEUED, Status.SENDING, Status.UNKNOWN, Status.REVOKING])
    def test_it_watches_a_badge_that_is_on_its_way(self, client, learner, status):
        hold(learner, status=status)
        client.force_login(learner)

        page = words(client.get(OWN))

        assert 'hx-trigger="every 3s"' in page
        assert client.get(OWN).context["rewards"].fingerprint in page

    def test_what_is_watched_fills_the_dialog_of_all_achievements_and_does_not_take_its_place(
        self, client, learner
    ):
        hold(learner, status=Status.QUEUED)
        client.force_login(learner)

        [link] = re.findall(r'<a [^>]*id="open-achievements"[^>]*>', words(client.get(OWN)))

        assert 'hx-target="#full-achievements"' in link
        assert 'hx-swap="innerHTML"' in link

    def test_it_watches_while_her_activity_is_not_evaluated_yet(self, client, learner):
        ProgressChange.objects.create(learner=learner)
        client.force_login(learner)

        assert "hx-trigger" in words(client.get(OWN))

    @pytest.mark.parametrize("status", [Status.ISSUED, Status.ACCEPTED, Status.FAILED, Status.HELD])
    def test_it_rests_when_nothing_moves_by_itself(self, client, learner, status):
        hold(learner, status=status)
        ProgressChange.objects.create(learner=UserFactory())
        arrive(client, learner)

        assert "hx-trigger" not in words(client.get(OWN))

    def test_nothing_new_is_an_empty_answer_and_news_is_the_part_alone(self, client, learner):
        issued = hold(learner)
        arrive(client, learner)
        seen = client.get(OWN).context["rewards"].fingerprint

        same = self.part(client, seen=seen)
        IssuedBadge.objects.filter(pk=issued.pk).update(status=Status.ISSUED, issued_at=timezone.now())
        news = self.part(client, seen=seen)

        assert (same.status_code, same.content) == (204, b"")
        assert news.status_code == 200
        assert "<html" not in words(news)
        assert 'id="rewards"' in words(news)
        assert "hx-trigger" not in words(news)

    def test_a_new_achievement_is_news_too(self, client, learner):
        hold(learner)
        client.force_login(learner)
        seen = client.get(OWN).context["rewards"].fingerprint

        earn(learner, earned_at=PAST + timedelta(days=1))

        assert self.part(client, seen=seen).status_code == 200

    def test_the_part_is_never_cached_as_the_page(self, client, learner):
        client.force_login(learner)

        assert "HX-Request" in client.get(OWN)["Vary"]

    def test_opting_out_in_another_window_ends_the_watch(self, client, learner):
        hold(learner)
        client.force_login(learner)
        seen = client.get(OWN).context["rewards"].fingerprint
        gates.opt_out(learner)

        answer = self.part(client, seen=seen)

        assert answer["HX-Refresh"] == "true"
        assert answer.content == b""
