"""The dashboard, the doors, and what machines ask."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery import current_app
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from achievements.models import Achievement, EarnedAchievement
from badges.status import Status
from providers import accounts
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    ClassFactory,
    CourseAssignmentFactory,
    CourseFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    UserFactory,
)
from tms import gates
from tms.metrics import Metric, exposition
from tms.models import ProgressChange
from tms.pages import SignIn

pytestmark = pytest.mark.django_db


def earn(learner, name="First steps", points=10, **fields):
    achievement = AchievementFactory(name=name, organization=learner.organization, points=points)
    return EarnedAchievement.objects.create(
        learner=learner,
        achievement=achievement,
        earned_at=PAST,
        earned_day=PAST.date(),
        points=points,
        rule_version=1,
        **fields,
    )


def hold(learner, name, **fields):
    badge = BadgeFactory(name=name, organization=learner.organization)
    return IssuedBadgeFactory(badge=badge, learner=learner, **fields)


def panel_of(response, template):
    """What a panel of the dashboard shows."""
    panels = (panel for place in ("head", "main", "side") for panel in response.context[place])
    return next(panel["data"] for panel in panels if panel["template"] == template)


def words(response) -> str:
    return response.content.decode()


class TestDashboard:
    def test_it_shows_a_learner_her_own_rewards_and_activity_and_nobody_elses(self, client):
        ada = UserFactory(first_name="Ada", last_name="Lovelace")
        colleague = UserFactory(organization=ada.organization)
        earn(ada, name="Hers", points=25)
        hold(ada, "Her badge")
        LabInstanceFactory(user=ada, lab=LabFactory(name="Her lab", organization=ada.organization))
        CourseAssignmentFactory(
            user=ada, course=CourseFactory(name="Her course", organization=ada.organization)
        )
        EnrollmentFactory(user=ada, training_class=ClassFactory(name="Her class"))
        earn(colleague, name="Foreign achievement")
        hold(colleague, "Foreign badge")
        LabInstanceFactory(user=colleague, lab=LabFactory(name="Foreign lab"))
        client.force_login(ada)

        page = words(client.get("/"))

        for shown in ("Ada Lovelace", "Hers", "Her badge", "Her lab", "Her course", "Her class", ">25<"):
            assert shown in page
        assert "Foreign" not in page
        assert "Issuing" not in page

    def test_empty_parts_say_so(self, client):
        client.force_login(UserFactory())

        assert words(client.get("/")).count("Nothing to display, yet.") == 3

    def test_up_to_nine_rewards_are_shown_and_a_link_leads_to_the_rest(self, client):
        ada = UserFactory()
        for number in range(9):
            hold(ada, f"Badge no {number}")
            earn(ada, name=f"Achievement no {number}")
        client.force_login(ada)
        nine = words(client.get("/"))
        hold(ada, "Badge no 9", earned_at=PAST - timedelta(days=1))
        earn(ada, name="Achievement no 9")

        ten = words(client.get("/"))

        assert "View all…" not in nine
        assert ten.count("View all…") == 2
        assert "Badge no 8" in ten
        assert "Badge no 9" not in ten

    def test_a_badge_that_waits_for_acceptance_is_the_first_thing_said(self, client):
        ada = UserFactory()
        hold(ada, "Pending", status=Status.ISSUED, external_state="pending")
        client.force_login(ada)

        assert "1 badge waits for you to accept it." in words(client.get("/"))

    def test_what_was_not_issued_or_taken_back_is_not_a_reward(self, client):
        ada = UserFactory()
        for status in (Status.FAILED, Status.REJECTED, Status.REVOKED, Status.CANCELLED, Status.REMOVED):
            hold(ada, f"Badge {status}", status=status)
        client.force_login(ada)

        assert "Badge failed" not in words(client.get("/"))
        assert client.get("/").context["head"][0]["data"]["badges"] == 0

    def test_whoever_opted_out_sees_no_rewards(self, client):
        ada = UserFactory()
        earn(ada, name="Hers")
        hold(ada, "Her badge")
        gates.opt_out(ada)
        client.force_login(ada)

        page = words(client.get("/"))

        assert "Her" not in page.replace("Here", "")
        assert "Rewards" not in page

    def test_administrators_see_how_the_hour_is_kept_what_waits_what_failed_and_why(self, client):
        administrator = AdministratorFactory()
        organization = administrator.organization
        badge = BadgeFactory(organization=organization)
        now = timezone.now()
        IssuedBadgeFactory(badge=badge, created_at=now - timedelta(minutes=30, seconds=5))
        for code in ("rejected", "rejected", "invalid_email"):
            IssuedBadgeFactory(badge=badge, status=Status.FAILED, failure_code=code)
        # Hers to see, since the learner is hers, but not hers to mend.
        foreign = BadgeFactory()
        own = UserFactory(organization=organization)
        IssuedBadgeFactory(badge=foreign, learner=own, status=Status.FAILED, failure_code="rejected")
        earned = now - timedelta(minutes=40)
        IssuedBadgeFactory(
            badge=badge,
            status=Status.ISSUED,
            source_kind="achievement",
            earned_at=earned,
            created_at=earned,
            issued_at=earned + timedelta(minutes=12),
        )
        client.force_login(administrator)

        response = client.get("/")

        panel = panel_of(response, "badges/_issuing.html")
        assert [(group["status"], group["count"], group["oldest"]) for group in panel["open"]] == [
            ("queued", 1, "30 min")
        ]
        assert [group["count"] for group in panel["failed"]] == [2, 1]
        assert (panel["oldest"], panel["median"], panel["most"]) == ("30 min", "12 min", "12 min")
        for group in (*panel["open"], *panel["failed"]):
            assert client.get(group["url"]).context["found"].count == group["count"]
        assert client.get(panel["lately_url"]).context["found"].count == 1
        assert client.get(panel["oldest_url"]).context["found"].count == 1

    def test_accounts_and_rules_that_need_somebody_lead_to_their_pages(self, client):
        administrator = AdministratorFactory()
        organization = administrator.organization
        ending = BadgeProviderFactory(
            name="Ending", organization=organization, token_expires_at=timezone.now() + timedelta(days=3)
        )
        paused = BadgeProviderFactory(name="Paused account", organization=organization)
        accounts.pause(paused, reason="The token was refused.")
        rule = AchievementFactory(organization=organization)
        Achievement.objects.update(last_error="No.", paused_at=timezone.now())
        client.force_login(administrator)

        response = client.get("/")

        found = panel_of(response, "badges/_care.html")["accounts"]
        assert [account["provider"] for account in found] == [paused, ending]
        page = words(response)
        assert "The token was refused." in page
        for row, path in ((paused, "badge-providers"), (ending, "badge-providers"), (rule, "achievements")):
            assert f'href="/{path}/{row.pk}/"' in page

    def test_awards_over_time_and_top_badges_lead_to_their_lists(self, client):
        administrator = AdministratorFactory()
        learner = UserFactory(organization=administrator.organization)
        today = timezone.now()
        for days in (0, 1, 1, 40):
            award = earn(learner, name=f"Earned {days}")
            day = (today - timedelta(days=days)).date()
            EarnedAchievement.objects.filter(pk=award.pk).update(earned_at=today, earned_day=day)
        badge = BadgeFactory(name="Most issued", organization=administrator.organization)
        for days in (0, 2, 40):
            moment = today - timedelta(days=days)
            IssuedBadgeFactory(badge=badge, status=Status.ISSUED, issued_at=moment, created_at=moment)
        hold(learner, "Once", status=Status.ISSUED, issued_at=today)
        earn(UserFactory(), name="Foreign")
        client.force_login(administrator)

        response = client.get("/")

        plot = panel_of(response, "achievements/_over_time.html")["plot"]
        assert [series.total for series in plot.series] == [3, 3]
        assert [day.counts for day in plot.days[-3:]] == [(0, 1), (2, 0), (1, 2)]
        assert len(plot.days) == 28
        earned, issued = plot.series
        assert client.get(earned.url).context["cl"].queryset.count() == 3
        assert client.get(issued.url).context["found"].count == 3
        top = panel_of(response, "badges/_most_issued.html")["badges"]
        assert [(row["name"], row["count"]) for row in top] == [("Most issued", 2), ("Once", 1)]
        assert client.get(top[0]["url"]).context["found"].count == 2

    def test_another_organizations_trouble_is_not_told(self, client):
        administrator = AdministratorFactory()
        foreign = BadgeProviderFactory(name="Foreign account")
        accounts.pause(foreign, reason="Foreign reason")
        foreign_badge = BadgeFactory(badge_provider=foreign, organization=foreign.organization)
        IssuedBadgeFactory(badge=foreign_badge, status=Status.FAILED, failure_code="rejected")
        client.force_login(administrator)

        response = client.get("/")

        panel = panel_of(response, "badges/_issuing.html")
        assert (panel["open"], panel["failed"]) == ([], [])
        assert "Foreign" not in words(response)

    def test_the_number_of_queries_does_not_grow(self, client):
        administrator = AdministratorFactory()
        client.force_login(administrator)
        client.get("/")  # the first page of a day is also noted as a session
        with CaptureQueriesContext(connection) as empty:
            client.get("/")
        for number in range(12):
            earn(administrator, name=f"Achievement {number}")
            hold(administrator, f"Badge {number}")
            LabInstanceFactory(user=administrator)
            CourseAssignmentFactory(user=administrator)
            EnrollmentFactory(user=administrator)
            hold(UserFactory(organization=administrator.organization), "x", status=Status.FAILED)

        with CaptureQueriesContext(connection) as full:
            client.get("/")

        assert len(full) == len(empty) <= 12

    def test_strangers_are_sent_to_sign_in(self, client):
        response = client.get("/")

        assert response.status_code == 302
        assert response.url == "/sign-in/?next=/"

    def test_a_person_of_no_organization_has_a_dashboard(self, client):
        root = UserFactory(organization=None, is_superuser=True)
        client.force_login(root)

        assert client.get("/").status_code == 200


class TestSignIn:
    def test_the_right_password_leads_to_the_dashboard(self, client):
        user = UserFactory(email="ada@example.org")
        user.set_password("a right password")
        user.save()

        response = client.post("/sign-in/", {"username": "Ada@Example.org", "password": "a right password"})

        assert (response.status_code, response.url) == (302, "/")

    def test_a_wrong_one_says_so_and_keeps_the_address(self, client):
        response = client.post("/sign-in/", {"username": "ada@example.org", "password": "wrong"})

        assert response.status_code == 200
        assert 'role="alert"' in words(response)
        assert "ada@example.org" in words(response)
        assert "wrong" not in words(response)

    def test_whoever_is_signed_in_already_goes_on(self, client):
        client.force_login(UserFactory())

        assert client.get("/sign-in/").url == "/"

    def test_another_sites_address_is_not_followed(self, client):
        user = UserFactory()
        user.set_password("a right password")
        user.save()

        response = client.post(
            "/sign-in/?next=https://elsewhere.example/",
            {"username": user.email, "password": "a right password"},
        )

        assert response.url == "/"

    def test_demo_logins_are_shown_only_where_they_are_given(self, client, rf: RequestFactory):
        assert "demo@example.org" not in words(client.get("/sign-in/"))
        request = rf.get("/sign-in/")
        request.user = AnonymousUser()
        logins = [{"role": "Learner", "email": "demo@example.org", "password": "secret-demo"}]

        page = SignIn.as_view(extra_context={"demo": True, "demo_logins": logins})(request)

        assert "demo@example.org" in page.rendered_content

    def test_signing_out_needs_a_post(self, client):
        client.force_login(UserFactory())

        assert client.get("/sign-out/").status_code == 405
        assert client.get("/").status_code == 200
        assert client.post("/sign-out/").url == "/sign-in/"
        assert client.get("/").status_code == 302


class TestHealth:
    def test_a_living_process_says_ok_without_asking_anybody(self, client):
        with CaptureQueriesContext(connection) as queries:
            response = client.get("/healthz")

        assert (response.status_code, response.content) == (200, b"ok\n")
        assert len(queries) == 0

    def test_it_is_ready_when_everything_is_there(self, client):
        response = client.get("/readyz")

        assert response.status_code == 200
        assert response.json() == {"ready": True, "database": "ok", "migrations": "ok", "broker": "ok"}

    def test_a_migration_that_is_missing_makes_it_not_ready(self, client):
        [latest] = MigrationLoader(connection).graph.leaf_nodes("badges")
        MigrationRecorder(connection).record_unapplied(*latest)

        response = client.get("/readyz")

        assert response.status_code == 503
        assert "not applied" in response.json()["migrations"]

    def test_a_broker_out_of_reach_makes_it_not_ready(self, client, monkeypatch):
        monkeypatch.setattr(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["broker"] != "ok"
        assert response.json()["database"] == "ok"


class TestMetrics:
    def test_badges_are_counted_by_status_and_the_oldest_is_told_by_its_age(self, client):
        badge = BadgeFactory()
        for status in (Status.QUEUED, Status.QUEUED, Status.ACCEPTED):
            IssuedBadgeFactory(badge=badge, status=status, created_at=timezone.now() - timedelta(minutes=10))
        ProgressChange.objects.all().delete()
        ProgressChange.objects.create(learner=UserFactory(), at=timezone.now() - timedelta(seconds=90))

        lines = words(client.get("/metrics")).splitlines()

        assert 'badges_issued_badges{status="queued"} 2' in lines
        assert 'badges_issued_badges{status="accepted"} 1' in lines
        assert 'badges_issued_badges{status="failed"} 0' in lines
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        assert 600 <= float(values["badges_oldest_waiting_seconds"]) < 660
        assert 90 <= float(values["tms_oldest_progress_change_seconds"]) < 150

    def test_nothing_waiting_is_zero_seconds_old(self, client):
        lines = words(client.get("/metrics")).splitlines()

        assert "badges_oldest_waiting_seconds 0" in lines
        assert "tms_oldest_progress_change_seconds 0" in lines

    def test_every_series_has_its_help_and_type(self, client):
        lines = words(client.get("/metrics")).splitlines()

        series = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
        for kind in ("HELP", "TYPE"):
            assert series <= {line.split(" ")[2] for line in lines if line.startswith(f"# {kind} ")}

    def test_reading_them_costs_the_same_however_much_there_is(self, client):
        with CaptureQueriesContext(connection) as empty:
            client.get("/metrics")
        badge = BadgeFactory()
        for _ in range(5):
            IssuedBadgeFactory(badge=badge)
            LabInstanceFactory()

        with CaptureQueriesContext(connection) as full:
            client.get("/metrics")

        assert len(full) == len(empty)

    def test_odd_labels_are_escaped(self):
        odd = Metric(name="odd", help="An odd one.", read=lambda: [({"why": 'a "quoted"\nline\\'}, 1.5)])

        assert exposition([odd]).splitlines()[2] == 'odd{why="a \\"quoted\\"\\nline\\\\"} 1.5'
