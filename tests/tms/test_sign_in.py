"""Who may come in, by which door."""

from __future__ import annotations

import pytest
from django.urls import reverse
from rest_framework.authtoken.models import Token

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo_account():
    user = UserFactory(email="somebody@demo.example", is_demo=True)
    user.set_password("demo")
    user.save()
    return user


def try_to_sign_in(client, user, password="demo", email=None):
    client.post(reverse("sign-in"), {"username": email or user.email, "password": password})
    return "_auth_user_id" in client.session


def test_the_address_is_read_without_regard_to_case_and_blanks(client):
    user = UserFactory(email="ada@example.org")
    user.set_password("long-enough-1")
    user.save()
    assert try_to_sign_in(client, user, "long-enough-1", email=" Ada@Example.ORG ")


def test_demo_accounts_are_refused_where_debug_is_off(client, demo_account, settings):
    settings.DEBUG = False
    assert not try_to_sign_in(client, demo_account)


def test_demo_accounts_work_in_a_trial(client, demo_account, settings):
    settings.DEBUG = True
    assert try_to_sign_in(client, demo_account)


def test_a_session_of_a_demo_account_ends_when_debug_is_switched_off(client, demo_account, settings):
    settings.DEBUG = True
    assert try_to_sign_in(client, demo_account)
    settings.DEBUG = False
    assert client.get(reverse("dashboard")).status_code == 302


@pytest.mark.parametrize(("debug", "status"), [(True, 200), (False, 401)])
def test_tokens_of_demo_accounts_follow_the_same_rule(client, demo_account, settings, debug, status):
    settings.DEBUG = debug
    token = Token.objects.create(user=demo_account)
    answer = client.get("/api/v1/users/", headers={"Authorization": f"Token {token.key}"})
    assert answer.status_code == status


def test_a_disabled_user_cannot_sign_in(client, settings):
    user = UserFactory(is_active=False)
    user.set_password("long-enough-1")
    user.save()
    assert not try_to_sign_in(client, user, "long-enough-1")
