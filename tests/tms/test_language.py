"""Which language a page, a file and a message are in."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from tests.factories import AdministratorFactory, UserFactory
from tms.language import choices, language_of, speaking_to
from tms.models import User

pytestmark = pytest.mark.django_db


def choose(client: Client, language: str, **more: str) -> Any:
    return client.post(reverse("choose-language"), {"language": language, **more})


def dashboard(client: Client, **headers: str) -> str:
    return client.get(reverse("dashboard"), headers=headers).content.decode()


def test_languages_are_called_by_their_own_names() -> None:
    assert choices() == [("en", "English"), ("de", "Deutsch")]


def test_a_stranger_reads_what_the_browser_asks_for(client: Client) -> None:
    page = client.get(reverse("sign-in"), headers={"Accept-Language": "de-AT,de;q=0.9"})

    assert page.headers["Content-Language"] == "de"
    assert '<html lang="de" dir="ltr">' in page.content.decode()
    assert "Anmelden" in page.content.decode()


def test_a_stranger_chooses_a_language_on_the_sign_in_page(client: Client) -> None:
    response = choose(client, "de", next="/sign-in/?next=/transcripts/")

    assert response.url == "/sign-in/?next=/transcripts/"
    assert "Anmelden" in client.get(reverse("sign-in")).content.decode()
    assert not client.cookies["django_language"]["secure"]
    assert client.cookies["django_language"]["httponly"]


def test_whoever_is_signed_in_finds_the_chosen_language_in_every_browser(client: Client) -> None:
    learner = UserFactory()
    client.force_login(learner)
    choose(client, "de")

    elsewhere = Client()
    elsewhere.force_login(learner)
    page = elsewhere.get(reverse("dashboard"))

    assert User.objects.get().language == "de"
    assert page.headers["Content-Language"] == "de"
    assert "Übersicht" in page.content.decode()


def test_the_account_wins_over_the_browser(client: Client) -> None:
    client.force_login(UserFactory(language="en"))
    client.cookies.load({"django_language": "de"})

    assert '<html lang="en"' in dashboard(client, **{"Accept-Language": "de"})


def test_an_account_without_a_language_follows_the_browser(client: Client) -> None:
    client.force_login(UserFactory())

    assert '<html lang="de"' in dashboard(client, **{"Accept-Language": "de"})


@pytest.mark.parametrize("language", ["xx", "fr", "", "de\0"])
def test_a_language_that_is_not_offered_is_chosen_by_nobody(client: Client, language: str) -> None:
    client.force_login(UserFactory(language="de"))

    assert choose(client, language).status_code == 302
    assert User.objects.get().language == "de"


def test_a_language_that_is_no_longer_offered_counts_for_none(client: Client) -> None:
    learner = UserFactory()
    User.objects.update(language="fr")
    learner.refresh_from_db()
    client.force_login(learner)

    assert '<html lang="en"' in dashboard(client)
    assert language_of(learner) == "en"


def test_choosing_a_language_leads_to_no_other_site(client: Client) -> None:
    assert choose(client, "de", next="https://example.org/").url == "/"


def test_the_choice_is_shown_with_the_present_one_pressed(client: Client) -> None:
    client.force_login(UserFactory(language="de"))
    html = " ".join(dashboard(client).split())

    assert 'value="de" lang="de" aria-pressed="true"' in html
    assert 'value="en" lang="en" aria-pressed="false"' in html


def test_a_file_that_is_sent_while_it_is_made_is_in_the_readers_language(client: Client) -> None:
    client.force_login(AdministratorFactory(language="de"))

    response: Any = client.get(reverse("find-users"), {"format": "csv"})
    header = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()[0]

    assert "Organisation" in header


def test_messages_are_in_the_language_of_whoever_gets_them() -> None:
    with translation.override("de"):
        with speaking_to(UserFactory(language="en")):
            assert _("Achievements") == "Achievements"
        with speaking_to(UserFactory(language="de")):
            assert _("Achievements") == "Erfolge"
        with speaking_to(UserFactory()):
            assert _("Achievements") == "Achievements"


def test_an_administrator_says_which_language_somebody_reads(client: Client) -> None:
    administrator = AdministratorFactory()
    learner = UserFactory(organization=administrator.organization, first_name="Ada", last_name="Lovelace")
    client.force_login(administrator)
    form = client.get(reverse("edit-user", args=[learner.pk])).context["form"]
    assert [code for code, _label in form.fields["language"].choices] == ["", "en", "de"]

    facts = {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": learner.email,
        "organization": learner.organization_id,
    }
    client.post(reverse("edit-user", args=[learner.pk]), {**facts, "language": "de"})
    learner.refresh_from_db()
    assert learner.language == "de"
    assert "Deutsch" in client.get(reverse("user", args=[learner.pk])).content.decode()
