"""Every filter, with every one of its words, against the same question asked of each row in Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone

from tests.factories import OrganizationFactory, UserFactory
from tms.finding.filters import BelongsTo, Choice, Moment, Number, Reference, Text, YesNo
from tms.finding.listing import Column, Listing
from tms.models import Organization, User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
LISTING = Listing(
    columns=(Column(name="name", label="Name", value=str),), searched=("name",), order_by=("pk",)
)
NAME = Text(name="name", label="Name", fields=("first_name", "last_name"))
ACTIVE = YesNo(name="active", label="Active", condition=Q(is_active=True))
ZONE = Choice(
    name="zone",
    label="Zone",
    choices=(("UTC", "Greenwich"), ("Asia/Tokyo", "Tokyo"), ("", "None")),
    condition=lambda zones: Q(time_zone__in=zones),
)
HOME = Reference(
    name="home",
    label="Home",
    rows=lambda viewer: Organization.objects.all(),
    listing=LISTING,
    title="Choose Organization",
    condition=lambda ids: Q(organization__parent__in=ids),
)
ORGANIZATION = BelongsTo(
    name="organization",
    label="Organization",
    rows=lambda viewer: Organization.objects.all(),
    listing=LISTING,
    title="Choose Organization",
    field="organization",
)
SEEN = Moment(name="seen", label="Seen", field="last_login", nullable=True)
ID = Number(name="id", label="ID", field="pk")


@pytest.fixture
def people():
    top = OrganizationFactory(name="Top")
    middle = OrganizationFactory(name="Middle", parent=top)
    bottom = OrganizationFactory(name="Bottom", parent=middle)
    seen = [
        None,
        NOW + timedelta(hours=1),
        NOW - timedelta(hours=1),
        NOW - timedelta(days=2),
        datetime(2026, 2, 28, 12, tzinfo=UTC),
        datetime(2026, 2, 28, 11, 59, tzinfo=UTC),
    ]
    names = [
        ("Ada", "Lovelace"),
        ("Alan", "Turing"),
        ("Grace", "Hopper"),
        ("Ådne", "%_x"),
        ("", ""),
        ("Lova", "B"),
    ]
    return [
        UserFactory(
            first_name=first,
            last_name=last,
            organization=[top, middle, bottom][number % 3],
            is_active=number % 2 == 0,
            time_zone=["UTC", "Asia/Tokyo", ""][number % 3],
            last_login=seen[number],
        )
        for number, (first, last) in enumerate(names)
    ]


def read(each, address):
    return each.read(QueryDict(address), viewer=User())


def found(each, address):
    asked = read(each, address)
    assert not asked.problem
    return set(User.objects.filter(asked.condition))


def holds(people, test):
    return {person for person in people if test(person)}


def starts(person, text):
    return any(name.casefold().startswith(text) for name in (person.first_name, person.last_name))


def contains(person, text):
    return any(text in name.casefold() for name in (person.first_name, person.last_name))


@pytest.mark.parametrize("text", ["lov", "a", "%", "_", "zzz"])
def test_text_does_or_does_not_start_with_or_contain(people, text):
    ask = f"name={text.replace('%', '%25')}"
    assert found(NAME, ask) == holds(people, lambda each: contains(each, text))
    assert found(NAME, f"{ask}&name-how=start") == holds(people, lambda each: starts(each, text))
    assert found(NAME, f"{ask}&name-does=not") == holds(people, lambda each: not contains(each, text))
    assert found(NAME, f"{ask}&name-does=not&name-how=start") == holds(
        people, lambda each: not starts(each, text)
    )
    assert read(NAME, f"{ask}&name-does=not&name-how=start").sentence == f"Does not Start With “{text}”"


def test_what_is_left_empty_asks_nothing(people):
    for each in (NAME, ZONE, HOME, ORGANIZATION, SEEN, ID):
        for word in ("", f"&{each.name}-is=not", f"&{each.name}-does=not"):
            assert found(each, f"{each.name}={word}") == set(people)
    assert read(NAME, "name=").sentence == ""


def test_is_is_not_or_either(people):
    assert found(ACTIVE, "active=is") == holds(people, lambda each: each.is_active)
    assert found(ACTIVE, "active=not") == holds(people, lambda each: not each.is_active)
    assert found(ACTIVE, "active=either") == set(people)


def test_is_or_is_not_one_of_several_values(people):
    assert found(ZONE, "zone=&zone=UTC") == holds(people, lambda each: each.time_zone == "UTC")
    assert found(ZONE, "zone=UTC&zone=Asia/Tokyo") == holds(people, lambda each: each.time_zone != "")
    assert found(ZONE, "zone=UTC&zone-is=not") == holds(people, lambda each: each.time_zone != "UTC")
    problem = read(ZONE, "zone=Mars").problem
    assert "“Mars”" in problem
    assert "Greenwich, Tokyo" in problem


def test_is_or_is_not_one_of_the_rows_that_were_chosen(people):
    top = people[0].organization
    assert found(HOME, f"home={top.pk}") == holds(people, lambda each: each.organization.parent_id == top.pk)
    # Those who have none at all are not of it, either.
    assert found(HOME, f"home={top.pk}&home-is=not") == holds(
        people, lambda each: each.organization.parent_id != top.pk
    )
    assert read(HOME, f"home={top.pk}").sentence == "Is Top"
    for lost in ("999999", "x", "²", "9" * 30, "9" * 5_000):
        assert f"“{lost}”" in read(HOME, f"home={lost}").problem


def test_belongs_to_an_organization_with_or_without_those_below(people):
    top, middle, bottom = (person.organization for person in people[:3])
    assert found(ORGANIZATION, f"organization={middle.pk}") == holds(
        people, lambda each: each.organization == middle
    )
    assert found(ORGANIZATION, f"organization={middle.pk}&organization-children=1") == holds(
        people, lambda each: each.organization in {middle, bottom}
    )
    assert found(ORGANIZATION, f"organization={top.pk}&organization={bottom.pk}") == holds(
        people, lambda each: each.organization in {top, bottom}
    )


@pytest.mark.parametrize(
    ("address", "begin", "end"),
    [
        ("seen=within&seen-n=2&seen-unit=hours", NOW - timedelta(hours=2), NOW),
        ("seen=within&seen-n=2&seen-unit=days", NOW - timedelta(days=2), NOW),
        ("seen=within&seen-n=1&seen-unit=weeks", NOW - timedelta(days=7), NOW),
        # A month before the 31st of March is the last of February, at the same time of day.
        ("seen=within&seen-n=1&seen-unit=months", datetime(2026, 2, 28, 12, tzinfo=UTC), NOW),
        ("seen=within&seen-n=9999&seen-unit=months", datetime(1200, 1, 1, tzinfo=UTC), NOW),
        ("seen=past", datetime(1, 1, 1, tzinfo=UTC), NOW),
        ("seen=future", NOW, datetime(9999, 1, 1, tzinfo=UTC)),
    ],
)
def test_when_something_was(people, address, begin, end):
    with time_machine.travel(NOW, tick=False):
        assert found(SEEN, address) == holds(
            people, lambda each: each.last_login is not None and begin <= each.last_login < end
        )


def test_anytime_asks_nothing_and_never_finds_what_has_not_been(people):
    assert found(SEEN, "seen=anytime") == set(people)
    assert found(SEEN, "seen=never") == {people[0]}
    assert "never" not in Moment(name="seen", label="Seen", field="last_login").choices


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "UTC", "Pacific/Honolulu"])
def test_days_are_the_readers_own_and_both_count(people, zone):
    def is_between(each, first, last):
        day = each.last_login and timezone.localtime(each.last_login).date().isoformat()
        return bool(day) and first <= day <= last

    with timezone.override(zone):
        for first, last in (("2026-03-29", "2026-03-31"), ("2026-03-31", "2026-03-31"), ("", "2026-03-30")):
            assert found(SEEN, f"seen=between&seen-from={first}&seen-to={last}") == {
                each for each in people if is_between(each, first, last)
            }


def test_at_least_at_most_or_both(people):
    low, high = people[1].pk, people[4].pk
    assert found(ID, f"id={low}") == holds(people, lambda each: each.pk >= low)
    assert found(ID, f"id=&id-to={high}") == holds(people, lambda each: each.pk <= high)
    assert found(ID, f"id={low}&id-to={high}") == holds(people, lambda each: low <= each.pk <= high)
    assert read(ID, f"id={low}&id-to={high}").sentence == f"at least {low}, at most {high}"


def test_days_are_told_as_people_write_them():
    between = "seen=between&seen-from=2026-03-05"
    assert read(SEEN, f"{between}&seen-to=2026-03-09").sentence == "Between March 5, 2026 – March 9, 2026"
    assert read(SEEN, between).sentence == "Between March 5, 2026 – …"


@pytest.mark.parametrize(
    ("each", "address", "told"),
    [
        (SEEN, "seen=within&seen-n=many", "“many” is not a whole number from 0 to 10,000."),
        (SEEN, "seen=within&seen-n=10001", "“10001” is not a whole number"),
        (SEEN, "seen=within&seen-n=-1", "“-1” is not a whole number"),
        (SEEN, "seen=between&seen-from=31.3.2026", "“31.3.2026” is not a day, as in 2026-05-31."),
        (SEEN, "seen=between&seen-to=2026-02-30", "“2026-02-30” is not a day"),
        (SEEN, "seen=between&seen-from=0001-01-01", "“0001-01-01” is not a day"),
        (SEEN, "seen=between&seen-from=2026-02-02&seen-to=2026-02-01", "first day comes after the last"),
        (ID, "id=1.5", "“1.5” is not a whole number"),
        (ID, "id=&id-to=٣", "“٣” is not a whole number"),
    ],
)
def test_what_cannot_be_understood_is_said_and_kept(each, address, told):
    asked = read(each, address)
    assert told in asked.problem
    given = {value for values in dict(QueryDict(address).lists()).values() for value in values}
    assert given <= {*asked.shown.values()}
