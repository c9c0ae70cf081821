"""Text that is encrypted in the database and shown to nobody."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from providers.models import BadgeProvider
from providers.secrets import EncryptedTextField
from tests.factories import BadgeProviderFactory

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def column() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM providers_badgeprovider")
        ((text,),) = cursor.fetchall()
    return str(text)


@pytest.mark.django_db
def test_the_column_holds_a_token_of_the_first_key(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    BadgeProviderFactory(token="canary")
    assert "canary" not in column()
    assert Fernet(NEW).decrypt(column().encode()) == b"canary"
    assert BadgeProvider.objects.get().token == "canary"


@pytest.mark.django_db
def test_keys_rotate_by_putting_a_new_one_in_front_and_saving_again(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    BadgeProviderFactory(token="canary")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    account = BadgeProvider.objects.get()
    assert account.token == "canary"
    account.save()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert BadgeProvider.objects.get().token == "canary"


def rotate_keys(*options: str) -> tuple[str, int]:
    """What the command prints, and its exit code."""
    output = StringIO()
    try:
        call_command("rotate_keys", *options, stdout=output)
    except SystemExit as end:
        return output.getvalue(), int(str(end.code))
    return output.getvalue(), 0


@pytest.mark.django_db
def test_every_secret_is_encrypted_anew_so_that_the_old_key_can_go(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    BadgeProviderFactory(token="canary", webhook_secret="hook")
    BadgeProviderFactory(token="")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    text, code = rotate_keys()
    assert (text, code) == ("2 secrets are encrypted with the first key.\n", 0)
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    rows = BadgeProvider.objects.order_by("pk")
    assert [(row.token, row.webhook_secret) for row in rows] == [("canary", "hook"), ("", "")]


@pytest.mark.django_db
def test_what_no_key_reads_is_listed_and_left_for_a_key_that_may_come_back(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    lost = BadgeProviderFactory(token="canary")
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    text, code = rotate_keys("--json")
    assert (json.loads(text), code) == (
        {"rotated": 0, "lost": [{"kind": "badge provider", "id": lost.pk, "field": "token"}]},
        1,
    )
    assert f"No key reads the token of badge provider {lost.pk}" in rotate_keys()[0]
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    assert BadgeProvider.objects.get().token == "canary"


@pytest.mark.django_db
def test_a_lost_key_shows_nothing_and_breaks_no_page(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    BadgeProviderFactory(token="canary")
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert [account.token for account in BadgeProvider.objects.all()] == [""]


@pytest.mark.django_db
def test_an_empty_secret_is_an_empty_column() -> None:
    BadgeProviderFactory(token="")
    assert column() == ""
    assert BadgeProvider.objects.get().token == ""


@pytest.mark.django_db
def test_a_secret_can_neither_be_searched_nor_compared() -> None:
    for lookup in ("token", "token__contains", "token__in"):
        with pytest.raises(TypeError, match="encrypted field"):
            BadgeProvider.objects.filter(**{lookup: "canary"}).exists()
    assert not BadgeProvider.objects.filter(token__isnull=True).exists()


@pytest.mark.django_db
def test_a_dump_holds_no_secret() -> None:
    account = BadgeProviderFactory(token="canary")
    assert "canary" not in serializers.serialize("json", [account])
    assert '"token": ""' in serializers.serialize("json", [account])


def test_what_is_not_a_key_is_told_at_once(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["not-a-key"]
    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS"):
        EncryptedTextField().get_prep_value("canary")


@given(st.text(min_size=1))
def test_whatever_is_encrypted_comes_back(secret: str) -> None:
    field = EncryptedTextField()
    encrypted = field.get_prep_value(secret)
    assert encrypted != secret
    assert field.from_db_value(encrypted, None, connection) == secret
