"""Who is in the demo: four accounts to sign in with, and 400 learners whose zeal is as uneven as in life."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from gettext import gettext as _  # marks the words; whoever shows a login translates them
from random import Random
from typing import NamedTuple

from config.demo.catalogue import ACADEMY, ASIA_PACIFIC, EUROPE, OUTSIDE
from config.demo.diary import Diary
from config.demo.entities import Organization, User
from config.demo.names import CULTURES, SATURDAY, SUNDAY, Culture
from config.demo.year import DAY, Year

# (organization, learners, regions they come from, domain of their addresses)
POPULATIONS = (
    (ACADEMY, 190, ("americas", "europe", "asia"), "example.com"),
    (EUROPE, 100, ("europe",), "example.org"),
    (ASIA_PACIFIC, 80, ("asia",), "example.net"),
    (OUTSIDE, 30, ("americas", "europe"), "saltmere.example"),
)


class Login(NamedTuple):
    """An account to try the product with; `role` is what to call it."""

    role: str
    email: str


LOGINS = [
    Login(_("Administrator"), "administrator@demo.example"),
    Login(_("Instructor"), "instructor@demo.example"),
    Login(_("Contract instructor"), "contract@demo.example"),
    Login(_("Learner"), "learner@demo.example"),
]

ADMINISTRATOR = User(
    external_id="user-administrator",
    email="administrator@demo.example",
    first_name="Ottilie",
    last_name="Brandvold",
    organization=ACADEMY,
    roles=("administrator", "global_achievements"),
)
INSTRUCTOR = User(
    external_id="user-instructor",
    email="instructor@demo.example",
    first_name="Kofi",
    last_name="Ampadu",
    organization=ACADEMY,
    time_zone="America/New_York",
    roles=("instructor",),
)
CONTRACT_INSTRUCTOR = User(
    external_id="user-contract-instructor",
    email="contract@demo.example",
    first_name="Isadora",
    last_name="Quint",
    organization=OUTSIDE,
    time_zone="Europe/Lisbon",
    roles=("contract_instructor",),
)
LEARNER = User(
    external_id="user-learner",
    email="learner@demo.example",
    first_name="Zoë",
    last_name="Marchetti",
    organization=ACADEMY,
    time_zone="Europe/Rome",
)
STAFF_AND_LEARNER = (ADMINISTRATOR, INSTRUCTOR, CONTRACT_INSTRUCTOR, LEARNER)


@dataclass(eq=False, kw_only=True)
class Learner:
    """A user and how that person learns. `zeal` is the number of courses begun in a year: 0 for the dormant.

    `persistence` is the chance to go on with the next lab, `skill` the mean result of an exam in percent.
    """

    user: User
    region: str
    diary: Diary
    zeal: int
    persistence: float
    skill: float
    first_day: date


def learners(year: Year) -> list[Learner]:
    taken: Counter[str] = Counter()
    found: list[Learner] = []
    for organization, size, regions, domain in POPULATIONS:
        cultures = [culture for culture in CULTURES if culture.region in regions]
        pools = {culture: year.rng.sample(culture.people(), k=len(culture.people())) for culture in cultures}
        zeal = _zeal(year.rng, size)
        for number in range(size):
            # Every culture is met once before chance decides.
            among = [culture for culture in cultures if pools[culture]]
            weights = [culture.share for culture in among]
            culture = cultures[number] if number < len(cultures) else year.rng.choices(among, weights)[0]
            user = _user(year.rng, pools[culture].pop(), culture=culture, organization=organization)
            user.email = _free_address(user.email, domain=domain, taken=taken)
            found.append(_learner(year, user, culture=culture, zeal=zeal[number]))
    return found


def _zeal(rng: Random, size: int) -> list[int]:
    """Courses in a year for `size` people: a few very keen, a long tail, and one in nine who never began."""
    dormant = size // 9
    active = [max(1, round(19 / (1 + rank * 16 / size) ** 0.95)) for rank in range(size - dormant)]
    everybody = active + [0] * dormant
    rng.shuffle(everybody)
    return everybody


def _user(rng: Random, name: tuple[str, str, str], *, culture: Culture, organization: Organization) -> User:
    first, last, latin = name
    zone = rng.choice(culture.zones)
    return User(
        email=latin,
        first_name=first,
        last_name=last,
        organization=organization,
        time_zone="" if zone == organization.time_zone else zone,
        participate_in_achievements=rng.random() > 0.03,
        is_disabled=rng.random() < 0.01,
    )


def _free_address(name: str, *, domain: str, taken: Counter[str]) -> str:
    address = f"{name}@{domain}"
    taken[address] += 1
    return address if taken[address] == 1 else f"{name}{taken[address]}@{domain}"


def _learner(year: Year, user: User, *, culture: Culture, zeal: int) -> Learner:
    """Most have been here all year; some came later, some lost interest or left."""
    rng = year.rng
    here_all_year = rng.random() < 0.6
    first_day = year.first_day if here_all_year else year.last_day - rng.randint(30, 365) * DAY
    stays = not user.is_disabled and rng.random() < 0.75
    last_day = year.last_day if stays else min(year.last_day, first_day + rng.randint(20, 330) * DAY)
    return Learner(
        user=user,
        region=culture.region,
        diary=Diary(rng=rng, zone=user.zone, weekend=culture.weekend, last_day=last_day),
        zeal=zeal,
        persistence=min(0.99, rng.betavariate(14, 2) + zeal / 200),
        skill=rng.gauss(74, 8),
        first_day=first_day,
    )


def demo_learner(year: Year) -> Learner:
    """The learner who signs in. What she did is told in `showcase`."""
    weekend = (SATURDAY, SUNDAY)
    return Learner(
        user=LEARNER,
        region="europe",
        diary=Diary(rng=year.rng, zone=LEARNER.zone, weekend=weekend, last_day=year.last_day, habit=9.5),
        zeal=0,
        persistence=1,
        skill=80,
        first_day=year.first_day,
    )
