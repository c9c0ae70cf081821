"""Naming rows from outside."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tests.api.conftest import World
from tests.factories import IssuedBadgeFactory, LabFactory, UserFactory
from tms.api.external import find, find_all, key_of
from tms.models import User


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        (17, ("pk", 17)),
        ("17", ("pk", 17)),
        ("ext:17", ("external_id", "17")),
        ("ext:a b/c.json", ("external_id", "a b/c.json")),
        ("ext:ext:x", ("external_id", "ext:x")),
    ],
)
def test_a_reference_is_an_id_or_an_external_id(reference: object, key: object) -> None:
    assert key_of(reference) == key


@pytest.mark.parametrize(
    "reference",
    [
        None,
        True,
        1.0,
        -1,
        "",
        "-1",
        "1.0",
        " 1",
        "²",
        "٣",
        "abc",
        "ext:",
        "9" * 5_000,
        [],
        {},
        "ext:\0",
        "ext:\ud800",
    ],
)
def test_anything_else_names_nothing(reference: object) -> None:
    assert key_of(reference) is None


def test_many_are_found_with_one_query_for_each_spelling(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    users = [UserFactory.create(external_id=f"u-{number}") for number in range(6)]
    references = [
        users[0].pk,
        str(users[1].pk),
        *(f"ext:u-{number}" for number in range(2, 6)),
        "ext:u-none",
        0,
    ]

    with django_assert_num_queries(2):
        found = find_all(User.objects.all(), references)

    assert {row.pk for row in found.values()} == {user.pk for user in users}


def test_a_malformed_reference_asks_no_query(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert find(User.objects.all(), "nobody") is None


@pytest.mark.parametrize(
    "external_id", ["plain", "with space", "dots.and.json", "ünïcode", "a:b", "50%", "q?x=1", "#1"]
)
def test_an_external_id_stands_in_the_address(
    world: World, administrator: APIClient, external_id: str
) -> None:
    lab = LabFactory.create(organization=world.north, external_id=external_id)

    answer = administrator.get(f"/api/v1/labs/ext:{quote(external_id)}/")

    assert answer.status_code == 200
    assert answer.json()["id"] == lab.pk
    assert answer.json()["external_id"] == external_id


def test_a_row_out_of_reach_is_answered_like_one_that_does_not_exist(
    world: World, administrator: APIClient
) -> None:
    theirs = LabFactory.create(organization=world.south, external_id="theirs")

    hidden = administrator.get(f"/api/v1/labs/{theirs.pk}/")
    hidden_too = administrator.get("/api/v1/labs/ext:theirs/")
    absent = administrator.get("/api/v1/labs/987654/")

    assert hidden.status_code == hidden_too.status_code == absent.status_code == 404
    assert hidden.json() == {"code": "not_found", "message": f"No lab {theirs.pk}."}
    assert hidden_too.json() == {"code": "not_found", "message": "No lab ext:theirs."}
    assert absent.json() == {"code": "not_found", "message": "No lab 987654."}


def test_a_reference_out_of_reach_is_refused_like_one_that_does_not_exist(
    world: World, administrator: APIClient
) -> None:
    theirs = LabFactory.create(organization=world.south)
    body = {"user": world.learner.pk, "started_at": "2026-03-02T09:00:00Z"}

    hidden = administrator.post("/api/v1/lab-instances/", {**body, "lab": theirs.pk})
    absent = administrator.post("/api/v1/lab-instances/", {**body, "lab": 987654})

    assert hidden.status_code == absent.status_code == 400
    assert hidden.json()["fields"] == {"lab": [f"No lab {theirs.pk}."]}
    assert absent.json()["fields"] == {"lab": ["No lab 987654."]}


def test_every_reference_of_a_list_that_leads_nowhere_is_named(
    world: World, administrator: APIClient
) -> None:
    body = {
        "name": "Course",
        "organization": "ext:north",
        "tags": [1, "ext:none", "what", 1],
    }

    answer = administrator.post("/api/v1/courses/", body)

    assert answer.status_code == 400
    assert answer.json()["fields"] == {
        "tags": ["No course tag 1.", "No course tag ext:none.", "Give an id, or “ext:” and an external id."]
    }


def test_what_the_product_itself_records_has_no_external_id(world: World, administrator: APIClient) -> None:
    IssuedBadgeFactory.create(badge__organization=world.north)

    assert administrator.get("/api/v1/issued-badges/ext:x/").status_code == 404
    assert administrator.post("/api/v1/issued-badges/ext:x/retry/").status_code == 404
    assert administrator.get("/api/v1/earned-achievements/?issued_badge=ext:x").json()["results"] == []


@pytest.mark.parametrize("many", [17, "ext:a", {"a": 1}, [1] * 1_001])
def test_a_list_of_references_is_a_list_of_bearable_length(
    world: World, administrator: APIClient, many: object
) -> None:
    answer = administrator.post(
        "/api/v1/courses/", {"name": "Course", "organization": "ext:north", "tags": many}
    )

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["tags"]
