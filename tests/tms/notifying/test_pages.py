"""The bell, the list, opening one, and marking all as read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from achievements.models import EarnedAchievement
from providers.notices import tell_paused
from tests.factories import AdministratorFactory, BadgeProviderFactory, UserFactory
from tests.tms.notifying.conftest import earn
from tms import gates
from tms.models import Notification, User

pytestmark = pytest.mark.django_db
LIST = "/notifications/"


@pytest.fixture
def ada(client: Client) -> User:
    learner: User = UserFactory()
    client.force_login(learner)
    client.get("/")  # the first page of a day is a visit, which is noted
    return learner


def page(client: Client, address: str = LIST) -> str:
    return " ".join(client.get(address).content.decode().split())


class TestBell:
    def test_it_tells_how_many_are_unread_in_words(self, client: Client, ada: User) -> None:
        assert "unread</span>" not in page(client, "/")
        earn(ada, "One")
        earn(ada, "Two")
        earn(UserFactory(), "Somebody else's")
        assert "Notifications, 2 unread" in page(client, "/")

    def test_more_than_it_can_show_are_many(self, client: Client, ada: User) -> None:
        told = [Notification(user=ada, kind="achievement_earned", key=key) for key in range(120)]
        Notification.objects.bulk_create(told)
        found = page(client, "/")
        assert "99+" in found
        assert "Notifications, 120 unread" in found

    def test_it_costs_no_query_of_its_own(self, client: Client, ada: User) -> None:
        earn(ada)
        with CaptureQueriesContext(connection) as queries:
            client.get("/notifications/settings/")
        asked = [query["sql"] for query in queries if "tms_notification" in query["sql"]]
        assert len(asked) == 1
        assert 'FROM "tms_user"' in asked[0]

    def test_strangers_have_none(self, client: Client) -> None:
        assert LIST not in page(client, "/sign-in/")


class TestList:
    def test_newest_first_with_what_is_unread_marked(self, client: Client, ada: User) -> None:
        old = earn(ada, "Old")
        Notification.objects.filter(pk=old.pk).update(
            created_at=timezone.now() - timedelta(days=1), read_at=timezone.now()
        )
        earn(ada, "New")
        entries = client.get(LIST).context["entries"]
        assert [entry.notice.title for entry in entries] == ["You earned New", "You earned Old"]
        assert page(client).count("is-unread") == 1

    def test_nothing_yet(self, client: Client, ada: User) -> None:
        assert "When you earn an achievement or get a badge, it is told here." in page(client)

    def test_what_no_longer_holds_says_so_and_leads_nowhere(self, client: Client, ada: User) -> None:
        row = earn(ada)
        EarnedAchievement.objects.update(withdrawn_at=timezone.now())
        assert "This is no longer so." in page(client)
        assert f"/notifications/{row.pk}/" not in page(client)

    def test_who_opted_out_is_shown_nothing_of_achievements(self, client: Client, ada: User) -> None:
        earn(ada)
        gates.opt_out(ada)
        assert "You earned" not in page(client)
        assert "1 unread" not in page(client)

    def test_pages_of_twenty_five(self, client: Client, ada: User) -> None:
        for number in range(30):
            earn(ada, f"Level {number}")
        assert len(client.get(LIST).context["entries"]) == 25
        assert len(client.get(LIST, {"page": 2}).context["entries"]) == 5

    def test_an_administrator_reads_of_accounts_while_she_sees_them(self, client: Client) -> None:
        boss = AdministratorFactory()
        account = BadgeProviderFactory(organization=boss.organization, paused_at=timezone.now())
        tell_paused(account.pk, at=timezone.now())
        client.force_login(boss)
        assert f"The badge provider {account} is paused" in page(client)
        boss.role_assignments.all().delete()
        assert "This is no longer so." in page(client)

    def test_the_number_of_queries_does_not_grow(self, client: Client, ada: User) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                client.get(LIST)
            return len(captured)

        earn(ada, "One")
        few = queries()
        for number in range(20):
            earn(ada, f"Level {number}")
        assert queries() == few <= 12

    def test_every_kind_together_stays_within_bounds(
        self, client: Client, django_assert_max_num_queries: Any
    ) -> None:
        boss = AdministratorFactory()
        client.force_login(boss)
        client.get("/")
        Notification.objects.bulk_create(
            [Notification(user=boss, kind=kind, key=1) for kind in Notification.Kind.values]
        )
        with django_assert_max_num_queries(12):
            client.get(LIST)


class TestReading:
    def test_opening_one_marks_it_and_leads_to_what_it_is_about(self, client: Client, ada: User) -> None:
        row = earn(ada)
        answer = client.get(f"/notifications/{row.pk}/")
        assert (answer.status_code, answer["Location"]) == (302, "/achievements/")
        row.refresh_from_db()
        assert row.read_at is not None

    def test_what_is_gone_leads_to_the_list(self, client: Client, ada: User) -> None:
        row = earn(ada)
        EarnedAchievement.objects.update(withdrawn_at=timezone.now())
        assert client.get(f"/notifications/{row.pk}/")["Location"] == LIST

    def test_somebody_elses_is_not_found(self, client: Client, ada: User) -> None:
        assert client.get(f"/notifications/{earn(UserFactory()).pk}/").status_code == 404

    def test_all_that_were_on_the_page_are_marked_and_nothing_that_came_since(
        self, client: Client, ada: User
    ) -> None:
        seen = earn(ada, "Seen")
        up_to = client.get(LIST).context["up_to"]
        since, others = earn(ada, "Since"), earn(UserFactory())
        assert client.post(LIST, {"up_to": up_to})["Location"] == LIST
        unread = set(Notification.objects.filter(read_at=None).values_list("pk", flat=True))
        assert (up_to, unread) == (seen.pk, {since.pk, others.pk})

    @pytest.mark.parametrize("up_to", ["", "x", "9" * 30, "²"])
    def test_what_is_no_number_marks_nothing(self, client: Client, ada: User, up_to: str) -> None:
        earn(ada)
        assert client.post(LIST, {"up_to": up_to}).status_code == 302
        assert Notification.objects.filter(read_at=None).count() == 1
