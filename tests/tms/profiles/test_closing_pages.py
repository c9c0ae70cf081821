"""The pages on which accounts are closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from badges.status import Status
from tests.factories import AdministratorFactory, IssuedBadgeFactory, UserFactory

if TYPE_CHECKING:
    from tms.models import User

pytestmark = pytest.mark.django_db
OWN = "/profile/close/"


@pytest.fixture
def admin() -> User:
    made: User = AdministratorFactory()
    return made


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def test_an_administrator_reads_what_it_comes_to_and_closes_it(office: Client, admin: User) -> None:
    ada = UserFactory(organization=admin.organization, first_name="Ada", last_name="Lovelace")
    IssuedBadgeFactory(learner=ada, status=Status.QUEUED)
    address = f"/users/{ada.pk}/close/"
    profile = office.get(f"/users/{ada.pk}/")
    assert f'href="{address}"' in profile.content.decode()
    shown = office.get(address)
    assert shown.context["consequences"] == ["1 badge that has not been sent is cancelled."]

    done = office.post(address, {"reason": "Asked for.", "word": "delete"}, follow=True)

    assert [str(text) for text in done.context["messages"]] == ["The account of Ada Lovelace was closed."]
    page = done.content.decode()
    assert f"Closed account {ada.pk}" in page
    assert "Account closed" in page
    assert "closed.invalid" not in page
    assert address not in page
    assert f"/users/{ada.pk}/edit/" not in page
    assert office.get(address).status_code == 404


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"word": "DELETE"}, {"reason": ["This field is required."]}),
        (
            {"reason": "Why", "word": "yes"},
            {"word": ["This is “yes”. Type DELETE, or leave the account as it is."]},
        ),
        ({"reason": "Why"}, {"word": ["This field is required."]}),
    ],
    ids=["no reason", "another word", "no word"],
)
def test_what_is_missing_is_said_beside_it_and_what_was_typed_stays(
    office: Client, admin: User, typed: dict[str, str], wrong: dict[str, list[str]]
) -> None:
    ada = UserFactory(organization=admin.organization)
    answer = office.post(f"/users/{ada.pk}/close/", typed)
    assert answer.context["form"].errors == wrong
    for text in typed.values():
        assert text in answer.content.decode()
    ada.refresh_from_db()
    assert ada.closed_at is None


def test_a_refusal_is_told_on_the_page(client: Client) -> None:
    chief = UserFactory(is_superuser=True)
    client.force_login(chief)
    answer = client.post(OWN, {"word": "DELETE"})
    assert answer.status_code == 200
    assert "Take that right away first" in answer.content.decode()


def test_one_closes_ones_own_account_and_is_signed_out(client: Client) -> None:
    ada = UserFactory()
    client.force_login(ada)
    assert f'href="{OWN}"' in client.get("/profile/").content.decode()
    assert list(client.get(OWN).context["form"].fields) == ["word"]

    done = client.post(OWN, {"word": "DELETE"}, follow=True)

    assert [str(text) for text in done.context["messages"]] == [
        "Your account was closed. Goodbye, and thank you."
    ]
    assert done.redirect_chain == [("/sign-in/", 302)]
    assert client.get("/").status_code == 302
    ada.refresh_from_db()
    assert ada.closed_at
