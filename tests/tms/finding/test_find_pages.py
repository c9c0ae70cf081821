"""The Find pages over HTTP: what an address asks, what one does with what is found."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from tests.factories import AdministratorFactory, BadgeFactory, OrganizationFactory, UserFactory
from tms.contributions import contributed
from tms.finding.filters import BelongsTo, Choice, Moment, Number, Reference, Text, YesNo
from tms.finding.search import read
from tms.models import SavedSearch

pytestmark = pytest.mark.django_db
PAGES = {page.name: page for page in contributed("finds")}
URL = "/users/"


@pytest.fixture
def administrator(client):
    administrator = AdministratorFactory(last_name="Aaa", organization=OrganizationFactory(name="North"))
    client.force_login(administrator)
    return administrator


@pytest.fixture
def people(administrator):
    below = OrganizationFactory(name="Below", parent=administrator.organization)
    UserFactory(last_name="Stranger")
    return [
        UserFactory(first_name=f"F{number}", last_name=f"L{number}", organization=below)
        for number in range(60)
    ]


def found(response):
    return [line.row for line in response.context["found"].lines]


def asked_of(each, administrator):
    """An address that asks this filter something."""
    name = each.name
    match each:
        case YesNo():
            return f"{name}=not"
        case Choice():
            return f"{name}={each.choices[0][0]}"
        case Reference():
            return f"{name}="
        case BelongsTo():
            return f"{name}={administrator.organization_id}&{name}-children=1"
        case Moment():
            return f"{name}=within&{name}-n=3&{name}-unit=months"
        case Number():
            return f"{name}=1&{name}-to=2"
        case Text():
            return f"{name}=x"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_filter_column_and_order_of_a_page_works(client, administrator, name):
    """Each asks the database something that it understands."""
    page = PAGES[name]
    columns = "&".join(f"column={column.name}" for column in page.listing.columns)
    addresses = [asked_of(each, administrator) for each in page.offered]
    orders = [f"{columns}&sort={down}{each.name}" for each in page.listing.columns for down in ("", "-")]
    for address in [*addresses, *orders]:
        search = read(page, QueryDict(address), viewer=administrator)
        assert not search.problems, address
        list(search.found.rows[:1])
    for each in page.offered:
        if isinstance(each, Reference):
            list(page.rows(administrator).filter(each.condition([1]))[:1])

    url = f"{reverse(page.url_name)}?{'&'.join([*addresses, columns])}"
    response = client.get(url)

    assert {asked.filter for asked in response.context["search"].asked} == set(page.offered)
    assert [str(header.label) for header in response.context["found"].headers] == [
        str(column.label) for column in page.listing.columns
    ]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_takes_few_queries(client, administrator, name, django_assert_max_num_queries):
    client.get("/")  # the first page of a day is written down
    with django_assert_max_num_queries(12):
        response = client.get(reverse(PAGES[name].url_name))
    assert response.status_code == 200


def test_a_page_costs_the_same_whatever_it_finds(client, people, django_assert_num_queries):
    client.get("/")
    with CaptureQueriesContext(connection) as few:
        assert client.get(URL, {"name": "L1", "per": "250"}).context["found"].count == 11
    with django_assert_num_queries(len(few)):
        assert client.get(URL, {"name": "L", "per": "250"}).context["found"].count == 60


def test_the_address_tells_the_whole_search(client, people):
    response = client.get(
        URL, {"name": "L", "role": "instructor", "role-is": "not", "sort": "-name", "per": "25"}
    )
    query = response.context["search"].query.urlencode()

    again = client.get(f"{URL}?{query}")

    assert found(again) == found(response)
    assert again.context["search"].query.urlencode() == query
    assert response.context["found"].count == 60
    assert len(found(response)) == 25
    assert found(response)[0].last_name == "L9"


def test_filters_are_added_and_taken_off_and_what_was_typed_stays(client, people):
    response = client.get(URL, {"asked": "1", "name": "L1", "add": ["email", "role"]})
    names = {asked.filter.name for asked in response.context["search"].asked}
    assert names == {"name", "email", "role"}
    assert response.context["found"].count == 11

    response = client.get(URL, {"name": "L1", "email": "", "remove": "name"})
    assert [asked.filter.name for asked in response.context["search"].asked] == ["email"]
    response = client.get(URL, {"name": "L1", "email": "", "remove_all": "1"})
    assert response.context["search"].asked == ()
    # It stays so: the page does not open its usual filters again.
    assert client.get(f"{URL}?{response.context['query']}").context["search"].asked == ()


def test_a_page_that_is_asked_nothing_begins_as_it_is_meant_to(client, people):
    people[0].is_active = False
    people[0].save()
    response = client.get(URL)
    assert {asked.filter.name for asked in response.context["search"].asked} == {"name", "disabled"}
    assert response.context["found"].count == 60


def test_what_cannot_be_understood_finds_nothing_and_says_why(client, people):
    response = client.get(URL, {"joined": "within", "joined-n": "many", "name": "L1"})
    assert response.context["found"].count == 0
    html = response.content.decode()
    assert "“many” is not a whole number" in html
    assert 'value="many"' in html
    assert 'value="L1"' in html
    assert (
        b"".join(client.get(URL, {"joined": "within", "joined-n": "many", "format": "csv"})).count(b"\n") == 1
    )


def test_nobody_finds_what_another_organization_has(client, people):
    assert client.get(URL, {"name": "Stranger"}).context["found"].count == 0
    stranger = OrganizationFactory()
    response = client.get(URL, {"organization": stranger.pk})
    assert response.context["search"].problems
    assert stranger.name not in response.content.decode()


def test_the_columns_that_are_asked_for_are_shown_and_exported_in_their_order(client, people):
    people[0].first_name, people[0].email = "=1+1", "@sum@example.org"
    people[0].save()
    response = client.get(URL, {"column": ["email", "name"], "sort": "name", "name": "L0"})
    assert [str(header.label) for header in response.context["found"].headers] == ["Name", "E-mail"]

    query = response.context["query"]
    lines = b"".join(client.get(f"{URL}?{query}&format=csv")).decode("utf-8-sig").splitlines()
    assert lines == ["Name,E-mail", "'=1+1 L0,'@sum@example.org"]
    book = load_workbook(BytesIO(b"".join(client.get(f"{URL}?{query}&format=xlsx"))))
    assert list(book.active.values) == [("Name", "E-mail"), ("'=1+1 L0", "'@sum@example.org")]


def test_an_export_has_all_pages_and_a_print_too(client, people):
    lines = b"".join(client.get(URL, {"asked": "1", "format": "csv"})).splitlines()
    assert len(lines) == 62
    printed = client.get(URL, {"name": "L", "page": "2", "format": "print"})
    assert len(found(printed)) == 60
    assert "Does Contain “L”" in printed.content.decode()


def test_more_than_anybody_counts_is_said_and_not_counted(client, people, monkeypatch):
    monkeypatch.setattr("tms.finding.listing.MOST_COUNTED", 40)
    response = client.get(URL, {"name": "L", "per": "25", "page": "9"})
    assert "More than 40 Results Found" in " ".join(response.content.decode().split())
    assert response.context["found"].page.number == 2
    assert len(b"".join(client.get(URL, {"name": "L", "format": "csv"})).splitlines()) == 61


def test_too_much_for_an_excel_file_is_said_and_not_cut(client, people, monkeypatch):
    monkeypatch.setattr("tms.finding.pages.MOST_IN_EXCEL", 10)
    response = client.get(URL, {"asked": "1", "format": "xlsx"})
    assert "An Excel file has at most 10 rows." in response.content.decode()


def test_a_dialog_chooses_for_a_filter(client, people):
    below = people[0].organization
    url = reverse("choose-for-filter", args=["users", "organization"])
    opened = client.get(url, {"organization": ["", str(below.pk)]}).content.decode()
    assert "Choose Organization" in opened
    assert f'value="{below.pk}"\n                                   checked' in opened

    answer = client.post(url, {"chosen": [below.pk], "confirm": "yes"})

    assert answer["HX-Retarget"] == "#filter-organization-chosen"
    assert "close-dialog" in answer["HX-Trigger-After-Swap"]
    assert f'name="organization" value="{below.pk}"' in answer.content.decode()
    assert client.get(reverse("choose-for-filter", args=["users", "name"])).status_code == 404
    assert client.get(reverse("choose-for-filter", args=["nothing", "name"])).status_code == 404


def save(client, **given):
    return client.post(reverse("save-search", args=["users"]), given)


def test_a_search_is_saved_and_overwritten_only_when_asked(client, administrator):
    save(client, name="  My   people ", query="name=L1&add=role&junk=1")
    search = SavedSearch.objects.get()
    assert (search.owner, search.page, search.name) == (administrator, "users", "My people")
    assert search.query == "name=L1&role="

    again = save(client, name="My people", query="name=L2")
    told = "You already have a saved search named &#x27;My people&#x27;. Would you like to overwrite it?"
    assert told in again.content.decode()
    assert SavedSearch.objects.get().query == "name=L1&role="

    save(client, name="My people", query="name=L2", overwrite="1")
    assert SavedSearch.objects.get().query == "name=L2"
    assert "Give the search a name." in save(client, name=" ", query="").content.decode()


def test_a_page_opens_with_the_default_search_and_there_is_one(client, administrator, people):
    save(client, name="First", query="name=L1", is_default="1")
    save(client, name="Second", query="name=L2", is_default="1")
    assert client.get(URL).headers["Location"] == f"{URL}?name=L2"

    url = reverse("saved-searches", args=["users"])
    first, second = SavedSearch.objects.order_by("name")
    client.post(url, {"default": str(first.pk)})
    assert client.get(URL).headers["Location"] == f"{URL}?name=L1"
    client.post(url, {"default": "none"})
    assert client.get(URL).status_code == 200
    client.post(url, {"remove": str(first.pk)})
    assert list(SavedSearch.objects.all()) == [second]


def test_saved_searches_are_ones_own(client, administrator):
    other = AdministratorFactory(organization=administrator.organization)
    theirs = SavedSearch.objects.create(
        owner=other, page="users", name="Theirs", query="name=x", is_default=True
    )
    url = reverse("saved-searches", args=["users"])
    assert "Theirs" not in client.get(url).content.decode()
    client.post(url, {"remove": str(theirs.pk), "default": "none"})
    theirs.refresh_from_db()
    assert theirs.is_default
    save(client, name="Theirs", query="name=y")
    assert SavedSearch.objects.count() == 2


def test_the_search_of_the_whole_site_shows_the_first_of_each_page(client, administrator, people):
    BadgeFactory(name="L1 engineer", organization=administrator.organization)
    BadgeFactory(name="L1 of others")

    response = client.get("/search/", {"q": " L1 "})

    hits = {hit["page"].name: [str(line.row) for line in hit["lines"]] for hit in response.context["hits"]}
    assert hits == {"users": ["F1 L1", "F10 L10", "F11 L11", "F12 L12", "F13 L13"], "badges": ["L1 engineer"]}
    assert '/users/?search=L1&amp;asked=1"' in response.content.decode()
    assert client.get("/search/").context["hits"] == []
