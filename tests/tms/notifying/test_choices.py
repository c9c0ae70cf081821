"""Who wants mail about what, and the link that needs no sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse

from tests.factories import AdministratorFactory, UserFactory
from tms.access import Role
from tms.models import MailChoices
from tms.notifying.choices import read_token, token_for, wants
from tms.notifying.topics import Group

if TYPE_CHECKING:
    from tms.models import User

pytestmark = pytest.mark.django_db
SETTINGS = "/notifications/settings/"


def choices(user: User) -> MailChoices:
    return MailChoices.objects.get(user=user)


def test_whoever_never_chose_is_told_everything_and_stored_by_no_question() -> None:
    ada = UserFactory()
    assert all(wants(ada, group) for group in Group)
    assert not MailChoices.objects.exists()


class TestSettings:
    @pytest.fixture
    def fields(self, client: Client) -> object:
        def of(user: User) -> list[str]:
            client.force_login(user)
            return list(client.get(SETTINGS).context["form"].fields)

        return of

    def test_everybody_is_asked_about_what_can_come_to_them(self, fields) -> None:
        assert fields(UserFactory()) == ["achievements", "badges"]
        assert fields(UserFactory(roles=[Role.INSTRUCTOR])) == ["achievements", "badges", "digest"]
        assert fields(AdministratorFactory()) == ["achievements", "badges", "administration", "digest"]

    def test_what_is_chosen_is_stored_and_shown(self, client: Client) -> None:
        boss = AdministratorFactory()
        client.force_login(boss)
        answer = client.post(SETTINGS, {"badges": "on", "digest": "weekly"}, follow=True)
        assert "Your choices are saved." in answer.content.decode()
        stored = choices(boss)
        assert (stored.achievements, stored.badges, stored.administration) == (False, True, False)
        assert stored.digest == "weekly"

    def test_what_one_is_not_asked_stays_as_it_is(self, client: Client) -> None:
        ada = UserFactory()
        MailChoices.objects.create(user=ada, digest="daily")
        client.force_login(ada)
        client.post(SETTINGS, {"administration": "", "digest": "weekly"})
        stored = choices(ada)
        assert (stored.administration, stored.digest) == (True, "daily")

    def test_a_choice_that_there_is_not_is_refused_where_it_stands(self, client: Client) -> None:
        client.force_login(AdministratorFactory())
        answer = client.post(SETTINGS, {"digest": "hourly"})
        assert answer.context["form"].errors["digest"]
        assert not MailChoices.objects.exists()


class TestUnsubscribing:
    def address(self, user: User, *about: str) -> str:
        return reverse("unsubscribe", args=[token_for(user, about=about)])

    def test_opening_the_link_changes_nothing(self) -> None:
        ada = UserFactory()
        page = Client().get(self.address(ada, "achievements"))
        assert page.status_code == 200
        assert ada.email in page.content.decode()
        assert not MailChoices.objects.exists()

    def test_confirming_it_switches_off_what_the_mail_was_about(self) -> None:
        ada = UserFactory()
        page = Client(enforce_csrf_checks=True).post(self.address(ada, "achievements"))
        assert f"{ada.email} gets no more mail about: Achievements." in " ".join(
            page.content.decode().split()
        )
        assert (choices(ada).achievements, choices(ada).badges) == (False, True)

    def test_it_speaks_the_readers_language(self) -> None:
        ada = UserFactory(language="de")
        page = Client().get(self.address(ada, "achievements"))
        assert '<html lang="de"' in page.content.decode()

    def test_a_mailbox_does_it_with_one_post(self) -> None:
        """RFC 8058: without cookies, and with this body."""
        ada = UserFactory()
        MailChoices.objects.create(user=ada, digest="daily")
        answer = Client(enforce_csrf_checks=True).post(
            self.address(ada, "digest"), {"List-Unsubscribe": "One-Click"}
        )
        assert answer.status_code == 200
        assert (choices(ada).digest, choices(ada).achievements) == ("", True)

    def test_it_works_twice_and_for_a_disabled_account(self) -> None:
        ada = UserFactory(is_active=False)
        for _ in range(2):
            assert Client().post(self.address(ada, "badges")).status_code == 200
        assert choices(ada).badges is False

    @pytest.mark.parametrize("signed", [False, True], ids=["nonsense", "signed for another use"])
    def test_what_we_did_not_sign_is_not_found(self, signed: bool) -> None:
        token = signing.dumps([1, ["badges"]], salt="another") if signed else "nonsense"
        assert Client().get(reverse("unsubscribe", args=[token])).status_code == 404
        assert read_token(token) is None

    def test_nobody_is_found_any_more(self) -> None:
        ada = UserFactory()
        token = token_for(ada, about=["badges"])
        ada.delete()
        assert read_token(token) is None
