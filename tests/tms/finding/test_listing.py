from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from django.utils import translation

from tests.factories import ClassFactory, OrganizationFactory, UserFactory
from tms.finding.listing import Cell, Column, Listing, Question, find
from tms.models import User

pytestmark = pytest.mark.django_db

PEOPLE = Listing(
    columns=(
        Column(name="name", label="Name", value=str, order_by=("last_name", "first_name"), sorts_many=True),
        Column(name="email", label="E-mail", value=lambda user: user.email, order_by=("email",)),
        Column(name="organization", label="Organization", value=lambda user: user.organization.name),
    ),
    searched=("first_name", "last_name", "organization__name"),
    order_by=("last_name",),
    page_size=3,
)


def ask(**given):
    query = QueryDict(mutable=True)
    query.update(given)
    return find(PEOPLE, User.objects.select_related("organization"), Question.of(query))


def names(found):
    return [line.row.first_name for line in found.lines]


@pytest.fixture
def people():
    north, south = OrganizationFactory(name="Northwind"), OrganizationFactory(name="Southridge")
    return [
        UserFactory(
            first_name=first, last_name=last, organization=organization, email=f"{last}@x.org".lower()
        )
        for first, last, organization in (
            ("Grace", "Hopper", north),
            ("Ada", "Lovelace", north),
            ("Alan", "Turing", south),
            ("Ada", "Yonath", south),
        )
    ]


def test_without_a_question_everything_comes_in_the_order_of_the_listing(people):
    found = ask()
    assert found.count == 4
    assert names(found) == ["Grace", "Ada", "Alan"]
    assert [cell.value for cell in found.lines[0].cells] == ["Grace Hopper", "hopper@x.org", "Northwind"]


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Mar\u00a05,\u00a02026, 3:00\u00a0p.m."), ("de", "05.03.2026 15:00")],
)
def test_no_reader_takes_the_month_for_the_day(language, told):
    cell = Cell(label="Earned", value=datetime(2026, 3, 5, 15, tzinfo=UTC), template="")
    with translation.override(language):
        assert cell.text == told


def test_more_than_are_counted_are_sorted_by_what_an_index_holds_alone(people, monkeypatch):
    assert names(ask(sort="-email")) == ["Ada", "Alan", "Ada"]
    monkeypatch.setattr("tms.finding.listing.MOST_COUNTED", 3)
    assert names(ask(sort="-email")) == names(ask()) == ["Grace", "Ada", "Alan"]
    assert names(ask(sort="-name")) == ["Ada", "Alan", "Ada"]
    assert [header.sort for header in ask(sort="-email").headers] == ["name", "", ""]
    # An export is not waited for: it is sorted as asked, whatever its length.
    assert [person.first_name for person in ask(sort="-email").rows] == ["Ada", "Alan", "Ada", "Grace"]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("ada", ["Ada", "Ada"]),
        ("ada south", ["Ada"]),  # each word in a column of its own
        ("  LOVE   ada ", ["Ada"]),
        ("x.org", []),  # a column that is not searched
        ("ada turing", []),
        ("%", []),
        ("\0", ["Grace", "Ada", "Alan"]),
    ],
)
def test_every_word_is_looked_for_in_every_searched_column(people, search, expected):
    assert names(ask(search=search)) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("email", ["Grace", "Ada", "Alan"]),
        ("-email", ["Ada", "Alan", "Ada"]),
        ("-name", ["Ada", "Alan", "Ada"]),
        ("organization", ["Grace", "Ada", "Alan"]),  # it cannot be sorted by: as if nothing was asked
        ("password", ["Grace", "Ada", "Alan"]),
        ("-", ["Grace", "Ada", "Alan"]),
    ],
)
def test_columns_sort_both_ways_and_nothing_else_does(people, sort, expected):
    assert names(ask(sort=sort)) == expected


def test_a_header_asks_for_the_other_direction(people):
    ascending = [(header.sort, header.direction) for header in ask(sort="name").headers]
    assert ascending == [("-name", "ascending"), ("email", ""), ("", "")]
    descending = [(header.sort, header.direction) for header in ask(sort="-name").headers]
    assert descending == [("name", "descending"), ("email", ""), ("", "")]


@pytest.mark.parametrize(
    ("page", "expected"), [("2", ["Ada"]), ("9", ["Ada"]), ("x", ["Grace", "Ada", "Alan"])]
)
def test_a_page_that_is_not_there_is_the_nearest_that_is(people, page, expected):
    assert names(ask(page=page)) == expected


def test_rows_that_sort_alike_are_on_one_page_each():
    for _ in range(7):
        UserFactory(first_name="Ada", last_name="Lovelace")
    pages = [ask(sort="-name", page=str(number)) for number in (1, 2, 3)]
    assert len({line.row.pk for found in pages for line in found.lines}) == 7


def test_a_page_costs_two_queries_however_many_rows_there_are(django_assert_num_queries, people):
    organization = ClassFactory().organization
    User.objects.bulk_create(
        User(email=f"{n}@bulk.org", first_name="Ada", last_name=f"N{n}", organization=organization)
        for n in range(3000)
    )
    with django_assert_num_queries(2):
        found = ask(search="ada", sort="-name", page="400")
        assert (found.count, len(found.lines)) == (3002, 3)
        assert [cell.value for line in found.lines for cell in line.cells]
