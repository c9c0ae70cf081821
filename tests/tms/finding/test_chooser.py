from __future__ import annotations

import re

import pytest
from django.test import RequestFactory

from tests.factories import OrganizationFactory, UserFactory
from tms.finding.chooser import Choice, Chooser, Locked, choose
from tms.finding.listing import Column, Listing
from tms.models import User

pytestmark = pytest.mark.django_db

PEOPLE = Listing(
    columns=(Column(name="name", label="Student", value=str, order_by=("last_name",)),),
    searched=("first_name", "last_name"),
    order_by=("last_name",),
    page_size=3,
)


@pytest.fixture
def people():
    organization = OrganizationFactory()
    return [UserFactory(first_name="Ada", last_name=f"L{n}", organization=organization) for n in range(8)]


@pytest.fixture
def stranger(people):
    return UserFactory(first_name="Stranger", last_name="L0")


def chooser(people, *, many=True):
    return Chooser(
        title="Choose Student(s)",
        confirm="OK",
        listing=PEOPLE,
        rows=User.objects.filter(organization=people[0].organization),
        locked=(Locked(label="Organization", condition="Is Northwind <Academy>"),),
        many=many,
    )


def ask(people, *, many=True, before=(), **given):
    request = RequestFactory().post("/choose/", given) if given else RequestFactory().get("/choose/")
    answer = choose(request, chooser(people, many=many), chosen=before)
    return answer if isinstance(answer, Choice) else answer.content.decode()


def ticked(html):
    return {int(pk) for pk in re.findall(r'value="(\d+)"\s+checked', html)}


def kept(html):
    text = re.search(r'name="kept"\s+value="([\d,]*)"', html)[1]
    return {int(pk) for pk in text.split(",") if pk}


def test_it_opens_with_its_title_its_filters_and_how_many_there_are(people):
    html = ask(people)
    assert "Choose Student(s)" in html
    assert "Is Northwind &lt;Academy&gt;" in html
    assert "8 Results Found" in html
    assert html.count('type="checkbox"') == 3
    assert ">OK</button>" in html


def test_one_result_is_told_as_one(people):
    assert "1 Result Found" in ask(people, search="L7")


def test_what_was_chosen_before_is_ticked_also_on_pages_that_are_not_shown(people):
    html = ask(people, before=[people[0].pk, people[7].pk])
    assert (ticked(html), kept(html)) == ({people[0].pk}, {people[7].pk})


def test_what_is_chosen_is_kept_across_searches_and_pages_and_can_be_taken_back(people):
    first = ask(people, page="1", chosen=[people[0].pk, people[1].pk])
    assert ticked(first) == {people[0].pk, people[1].pk}
    second = ask(people, page="2", kept="", chosen=[people[0].pk, people[1].pk])
    assert (ticked(second), kept(second)) == (set(), {people[0].pk, people[1].pk})
    searched = ask(people, search="L7", kept=f"{people[0].pk},{people[1].pk}", chosen=[people[4].pk])
    assert kept(searched) == {people[0].pk, people[1].pk, people[4].pk}
    back = ask(people, kept=f"{people[4].pk},{people[1].pk},{people[0].pk}")
    assert ticked(back) == {people[0].pk, people[1].pk}
    assert ask(people, confirm="yes", kept=str(people[4].pk), chosen=[people[1].pk]) == Choice(
        chosen=(people[1].pk, people[4].pk)
    )


def test_all_that_were_found_can_be_chosen_at_once_and_none(people):
    html = ask(people, all="yes", search="Ada", kept="")
    assert ticked(html) | kept(html) == {person.pk for person in people}
    html = ask(people, all="yes", search="L7", kept=str(people[0].pk))
    assert ticked(html) | kept(html) == {people[7].pk, people[0].pk}
    html = ask(people, none="yes", kept=str(people[0].pk), chosen=[people[1].pk])
    assert ticked(html) | kept(html) == set()


def test_more_than_can_be_chosen_are_not_offered_all_at_once(people, monkeypatch):
    monkeypatch.setattr("tms.finding.chooser.MOST", 7)
    html = ask(people)
    assert "Select all" not in html
    assert "Search for fewer than 7 to select them all." in " ".join(html.split())
    assert "Select all 1" in ask(people, search="L7")


def test_of_one_to_choose_the_last_one_counts(people):
    html = ask(people, many=False)
    assert 'type="radio"' in html
    assert "Select all" not in html
    html = ask(people, many=False, page="2", chosen=[people[0].pk])
    assert kept(html) == {people[0].pk}
    choice = ask(people, many=False, confirm="yes", kept=str(people[0].pk), chosen=[people[4].pk])
    assert choice == Choice(chosen=(people[4].pk,))


@pytest.mark.parametrize("many", [True, False])
def test_whatever_else_is_sent_is_as_if_it_were_not_there(people, stranger, many):
    sent = {"chosen": [str(stranger.pk)], "kept": f"{stranger.pk},x,-1,²,{9**30},"}
    assert ask(people, many=many, confirm="yes", **sent) == Choice(chosen=())
    assert "Stranger" not in ask(people, many=many, search="Stranger", **sent)
    assert "Nothing matches this search." in ask(people, many=many, search="Stranger", **sent)


def test_thousands_are_chosen_in_one_query_and_shown_in_two(django_assert_num_queries, people):
    organization = people[0].organization
    User.objects.bulk_create(
        User(email=f"{n}@bulk.org", first_name="Ada", last_name=f"N{n}", organization=organization)
        for n in range(3000)
    )
    everybody = list(organization.users.values_list("pk", flat=True))
    everything = ",".join(map(str, everybody))
    with django_assert_num_queries(2):
        ask(people, search="ada", kept=everything)
    with django_assert_num_queries(1):
        assert len(ask(people, confirm="yes", kept=everything).chosen) == len(everybody)
