"""The charset that a request claims."""

from __future__ import annotations

import json

import pytest

from tests.factories import AdministratorFactory
from tms.models import Lab

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("charset", ["zlib", "rot13", "undefined", "utf-16", "latin-1", "no-such"])
def test_what_is_sent_is_utf_8_whatever_it_claims_to_be(client, charset):
    administrator = AdministratorFactory()
    client.force_login(administrator)
    body = json.dumps({"name": "Übung", "organization": administrator.organization_id}, ensure_ascii=False)

    page = client.generic("GET", "/users/?search=Zo%C3%AB", content_type=f"text/plain; charset={charset}")
    made = client.generic(
        "POST", "/api/v1/labs/", body.encode(), content_type=f"application/json; charset={charset}"
    )

    assert page.status_code == 200
    assert "Zoë" in page.content.decode()
    assert made.status_code == 201
    assert Lab.objects.get().name == "Übung"
