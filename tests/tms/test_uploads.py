"""No request is larger than it may be."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.factories import UserFactory
from tms import uploads

pytestmark = pytest.mark.django_db


def test_a_request_that_is_too_large_is_refused_before_it_is_kept(client: Client, monkeypatch: Any) -> None:
    client.force_login(UserFactory.create())
    monkeypatch.setattr(uploads, "MOST_BYTES", 1000)

    small = client.post("/profile/picture/", {"picture": SimpleUploadedFile("a.png", b"-" * 100)})
    large = client.post("/profile/picture/", {"picture": SimpleUploadedFile("a.png", b"-" * 1000)})

    assert (small.status_code, large.status_code) == (200, 400)
