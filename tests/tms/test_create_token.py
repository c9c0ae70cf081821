"""manage.py create_token: a key for programs, for a user named in any of three ways."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.authtoken.models import Token

from tests.factories import UserFactory
from tms.models import User

pytestmark = pytest.mark.django_db


def create_token(*arguments: str) -> str:
    output = StringIO()
    call_command("create_token", *arguments, stdout=output)
    return output.getvalue().strip()


@pytest.fixture
def user() -> User:
    user: User = UserFactory(email="ada@example.org", external_id="u-1")
    UserFactory()
    return user


@pytest.mark.parametrize("name", ["ada@example.org", " Ada@Example.ORG ", "ext:u-1", "u-1", "{pk}"])
def test_the_token_belongs_to_the_user_who_is_named(user: User, name: str) -> None:
    key = create_token(name.format(pk=user.pk))

    assert Token.objects.get(key=key).user == user


def test_a_user_keeps_the_first_token(user: User) -> None:
    assert create_token("ext:u-1") == create_token("ext:u-1")
    assert Token.objects.count() == 1


def test_the_api_accepts_the_token(user: User, client: Any) -> None:
    answer = client.get("/api/v1/", headers={"Authorization": f"Token {create_token('ext:u-1')}"})

    assert answer.status_code == 200


def test_json_tells_whose_token_it_is(user: User) -> None:
    answer = json.loads(create_token("ada@example.org", "--json"))

    assert answer == {"user": user.pk, "email": "ada@example.org", "token": Token.objects.get().key}


@pytest.mark.parametrize(
    "name", ["nobody@example.org", "ext:", "ext:u-9", "99999999", "9" * 40, "²", "u-9", "", "\udcff", "u-\0"]
)
def test_a_name_that_nobody_has_is_wrong_usage(user: User, name: str) -> None:
    with pytest.raises(CommandError, match="No user is called") as refusal:
        create_token(name)

    assert refusal.value.returncode == 2
    assert not Token.objects.exists()


def test_wrong_usage_is_also_told_as_json(user: User) -> None:
    output = StringIO()

    with pytest.raises(CommandError):
        call_command("create_token", "ext:u-9", "--json", stdout=output)

    assert json.loads(output.getvalue())["code"] == "not_found"


def test_nobody_gets_a_token_that_would_not_work(user: User, settings: Any) -> None:
    settings.DEBUG = False
    User.objects.filter(pk=user.pk).update(is_demo=True)
    with pytest.raises(CommandError, match="may not sign in"):
        create_token("ext:u-1")

    User.objects.filter(pk=user.pk).update(is_demo=False, is_active=False)
    with pytest.raises(CommandError, match="may not sign in"):
        create_token("ext:u-1")

    assert not Token.objects.exists()
