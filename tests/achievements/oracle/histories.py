"""Strategies of small worlds and of what happens in them, batch by batch: facts, and second thoughts.

The clocks of these worlds strike where days begin or end somewhere between Kiritimati and Honolulu, around
changes to and from daylight saving time, leap days and New Year.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.achievements.oracle.reference import (
    Achievement,
    Activity,
    Assignment,
    Class,
    Course,
    Enrollment,
    Fact,
    Lab,
    Launch,
    Learner,
    Organization,
    Profile,
    Subscription,
    Tag,
    Thing,
)
from tests.achievements.oracle.rules import KINDS, Vocabulary, rules

T = TypeVar("T")
ThingT = TypeVar("ThingT", bound=Thing)

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    # Clocks that change at midnight, so that a date begins at one, or has its first or last hour twice.
    "America/Havana",
    "Asia/Beirut",
    "America/Sao_Paulo",
)
# Each with a leap day, a change of clocks in some of these zones, or New Year in the days that follow.
FIRST_DAYS = tuple(
    datetime(*day, tzinfo=UTC)
    for day in (
        (2024, 2, 27),
        (2025, 3, 28),  # Berlin, Beirut
        (2024, 10, 25),  # Berlin, Beirut
        (2025, 10, 31),  # New York, Havana
        (2024, 12, 29),
        (2024, 3, 8),  # New York, Havana
        (2018, 11, 2),  # São Paulo, New York, Havana
        (2018, 2, 16),  # São Paulo
    )
)
LENGTH = 5
CLOCK = tuple(
    timedelta(hours=hours, microseconds=microseconds)
    for hours, microseconds in (
        (12, 0),
        (0, 0),
        (2, -1),
        (3, 0),
        (4, 0),
        (4.5, 0),
        (5, -1),
        (5, 0),
        (10, -1),
        (10, 0),
        (10, 1),
        (18.25, 0),
        (21, 0),
        (22, -1),
        (22, 0),
        (23, -1),
        (23, 0),
        (24, -1),
    )
)
LAB_STATUSES = ("incomplete", "resume_failed", "lab_creation_failed", "scheduled", "submitted_for_grading")


@dataclass(frozen=True)
class Put:
    """A thing, new or changed."""

    thing: Thing


@dataclass(frozen=True)
class Drop:
    key: str


@dataclass(frozen=True)
class Undo:
    """The last look at everybody that an achievement was given is taken back, if it ever was."""

    achievement: str


Change = Put | Drop | Undo


@dataclass(frozen=True, kw_only=True)
class History:
    """The scene is set before anything happens; the product looks after each batch."""

    scene: tuple[Thing, ...]
    batches: tuple[tuple[Change, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Theme:
    """What a family of histories dwells on.

    `strangers`: learners and courses of other organizations. `second_thoughts`: facts, gates and rules are
    changed and taken back. `frequencies`: the types of frequency, weighted by repetition. `dated_awards`: as
    in Vocabulary, and so `minutes`. `ties`: two things may happen at the same moment. `one_by_one`: each new
    or changed achievement is looked at before anything else happens. `contested`: learners may compete by
    their awards.
    """

    subjects: tuple[int, ...] = (0, 10, 20, 30, 40, 50, 60)
    strangers: bool = True
    second_thoughts: bool = True
    frequencies: tuple[str, ...] = ("per_user", "per_user", "per_user", "per_day", "per_achievement")
    dated_awards: bool = True
    least_learners: int = 1
    ties: bool = True
    one_by_one: bool = False
    contested: bool = True
    minutes: bool = True


@st.composite
def histories(draw: st.DrawFn, theme: Theme) -> History:
    return _Author(draw, theme).write()


class _Author:
    def __init__(self, draw: st.DrawFn, theme: Theme) -> None:
        self.draw = draw
        self.theme = theme
        self.first_day = self.pick(FIRST_DAYS)
        self.things: dict[str, Thing] = {}
        self.moments = 0

    # choosing

    def pick(self, options: Any) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def chance(self, one_in: int) -> bool:
        """No while shrinking."""
        return self.draw(st.integers(1, one_in)) == one_in

    def moment(self) -> datetime:
        day = self.first_day + timedelta(days=self.draw(st.integers(0, LENGTH - 1)))
        self.moments += 1
        return day + self.pick(CLOCK) + timedelta(microseconds=0 if self.theme.ties else 2 * self.moments)

    def later(self, moment: datetime) -> datetime:
        return moment + self.pick(
            [timedelta(minutes=30), timedelta(), timedelta(hours=14), timedelta(days=1), timedelta(days=2)]
        )

    def subset(self, options: list[str]) -> frozenset[str]:
        return frozenset(option for option in options if self.draw(st.booleans()))

    def keys(self, kind: type[ThingT]) -> list[str]:
        return [thing.key for thing in self.all(kind)]

    def all(self, kind: type[ThingT]) -> list[ThingT]:
        return [thing for thing in self.things.values() if isinstance(thing, kind)]

    def new_key(self, kind: type[Thing]) -> str:
        name = kind.__name__.lower()
        return f"{name}{sum(key.startswith(name) for key in self.used_keys)}"

    # the whole

    def write(self) -> History:
        self.used_keys: list[str] = []
        scene = [*self.scene()]
        subscriptions = [Put(subscription) for subscription in self.first_subscriptions()]
        later = self.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
        rules_come = len(later) if self.chance(3) else 0
        batches: list[tuple[Change, ...]] = []
        for number, size in enumerate((self.draw(st.integers(6, 12)), *later)):
            achievements = self.achievements() if number == rules_come else []
            batches.append((*map(Put, achievements), *(self.change() for _ in range(size))))
        batches[0] = (*subscriptions, *batches[0])
        if self.theme.one_by_one:
            batches = [tuple(part) for batch in batches for part in self.one_by_one(batch)]
        return History(scene=tuple(scene), batches=tuple(batches))

    @staticmethod
    def one_by_one(batch: Iterable[Change]) -> Iterator[list[Change]]:
        part: list[Change] = []
        for change in batch:
            if not (isinstance(change, Put) and isinstance(change.thing, Achievement)):
                part.append(change)
                continue
            if part:
                yield part
            yield [change]
            part = []
        if part:
            yield part

    def add(self, thing: ThingT) -> ThingT:
        self.things[thing.key] = thing
        self.used_keys.append(thing.key)
        return thing

    # the scene

    def scene(self) -> list[Thing]:
        for parent in (None, "organization0", None) if self.theme.strangers else (None,):
            self.add(
                Organization(
                    key=self.new_key(Organization),
                    parent=parent,
                    zone=self.pick(ZONES),
                    # A world in which nobody can earn anything teaches little; second thoughts close this gate too.
                    enabled=not self.all(Organization) or not self.chance(6),
                    takes_global=self.draw(st.booleans()),
                )
            )
        for _ in range(2):
            self.add(Tag(key=self.new_key(Tag), organization="organization0"))
        for _ in range(3):
            self.add(Lab(key=self.new_key(Lab), organization="organization0"))
            self.add(
                Course(
                    key=self.new_key(Course),
                    organization=self.organization(),
                    tags=self.subset(self.keys(Tag)),
                    ticked=not self.chance(3),
                )
            )
        for _ in range(2):
            self.add(Class(key=self.new_key(Class), course=self.pick(self.keys(Course))))
            self.add(
                Profile(
                    key=self.new_key(Profile),
                    organization="organization0",
                    courses=frozenset(self.keys(Course)),
                )
            )
        for _ in range(self.draw(st.integers(self.theme.least_learners, 3))):
            self.add(
                Learner(
                    key=self.new_key(Learner),
                    organization=self.organization(),
                    zone=self.pick(("", *ZONES)),
                    participates=not self.chance(10),
                )
            )
        return list(self.things.values())

    def organization(self) -> str:
        """Often the first, so that most learners and courses have something to do with most achievements."""
        return str(self.pick(self.keys(Organization))) if self.chance(4) else "organization0"

    def achievements(self) -> list[Achievement]:
        return [
            self.add(self.achievement(self.new_key(Achievement))) for _ in range(self.draw(st.integers(4, 6)))
        ]

    def achievement(self, key: str) -> Achievement:
        frequency_type = self.pick(self.theme.frequencies)
        frequency = self.draw(st.integers(1, 3))
        return Achievement(
            key=key,
            organization=self.organization(),
            rule=self.rule(key, frequency=frequency, frequency_type=frequency_type),
            points=self.pick([10, 0, 5, 100]),
            frequency=frequency,
            frequency_type=frequency_type,
            is_global=self.chance(3),
            enabled=not self.chance(12),
        )

    def rule(self, key: str, *, frequency: int, frequency_type: str) -> list[dict[str, Any]]:
        # A rule names only achievements that come before its own, so that none wait for each other.
        earlier = [f"achievement{number}" for number in range(int(key.removeprefix("achievement")))]
        may_read_awards = earlier and (self.theme.contested or frequency_type == "per_user")
        words = Vocabulary(
            labs=self.keys(Lab),
            courses=self.keys(Course),
            tags=self.keys(Tag),
            clubs=self.keys(Profile),
            achievements=earlier,
            days=[(self.first_day + timedelta(days=number)).date() for number in range(LENGTH)],
            subjects=[it for it in self.theme.subjects if it != 40 or may_read_awards],
            only_plain=frequency_type == "per_user" and frequency > 1,
            dated_awards=self.theme.dated_awards,
            minutes=self.theme.minutes,
        )
        rule: list[dict[str, Any]] = self.draw(rules(words))
        return rule

    # what happens

    def change(self) -> Change:
        if self.theme.second_thoughts and self.chance(4):
            return self.second_thought()
        return Put(self.fact())

    def fact(self) -> Fact:
        learner = self.pick(self.keys(Learner))
        makers = [self.launch, self.launch, self.assignment, self.enrollment]
        if 30 in self.theme.subjects:
            makers.append(self.subscription)
        if {50, 60} & set(self.theme.subjects):
            makers += [self.activity, self.activity]
        make = self.pick(makers)
        fact: Fact | None = make(learner)
        return self.add(fact or self.launch(learner))

    def launch(self, learner: str, key: str = "") -> Launch:
        started_at = self.moment()
        is_complete = self.draw(st.booleans())
        ways = [
            fact.key for fact in (*self.all(Assignment), *self.all(Enrollment)) if fact.learner == learner
        ]
        return Launch(
            key=key or self.new_key(Launch),
            learner=learner,
            lab=self.pick(self.keys(Lab)),
            through=self.pick([None, *ways]),
            started_at=started_at,
            completed_at=self.later(started_at) if is_complete else None,
            status="complete" if is_complete else self.pick(LAB_STATUSES) if self.chance(3) else "incomplete",
            minutes=self.pick([30, 0, 29.5, 45, 90, 1440]),
            passed=self.pick([None, True, False]),
            score=self.pick([None, 0, 49.5, 50, 80, 100]),
        )

    def assignment(self, learner: str, key: str = "") -> Assignment:
        started_at = self.moment()
        completed_at = self.later(started_at) if self.draw(st.booleans()) else None
        return Assignment(
            key=key or self.new_key(Assignment),
            learner=learner,
            course=self.pick(self.keys(Course)),
            started_at=started_at,
            completed_at=completed_at,
            expires_at=self.later(started_at) if self.chance(5) else started_at + timedelta(days=180),
            status="cancelled" if self.chance(6) else "active",
            subscription=self.own_subscription(learner),
            from_on_demand=self.draw(st.booleans()),
        )

    def enrollment(self, learner: str, key: str = "") -> Enrollment | None:
        """None where the learner is in every class already."""
        if key:
            before = self.things[key]
            assert isinstance(before, Enrollment)
            free = [before.training_class]
        else:
            taken = [row.training_class for row in self.all(Enrollment) if row.learner == learner]
            free = [training_class for training_class in self.keys(Class) if training_class not in taken]
        if not free:
            return None
        started_at = self.moment()
        status = "enrolled" if not self.chance(3) else self.pick(["audit", "requested", "cancelled"])
        completion = "unknown"
        if status == "enrolled" and self.draw(st.booleans()):
            completion = self.pick(["complete", "complete", "attending", "no_show", "failed"])
        return Enrollment(
            key=key or self.new_key(Enrollment),
            learner=learner,
            training_class=self.pick(free),
            status=status,
            completion=completion,
            started_at=started_at,
            completed_at=self.later(started_at) if completion == "complete" else None,
            subscription=self.own_subscription(learner),
        )

    def first_subscriptions(self) -> list[Subscription]:
        learners = self.keys(Learner) if 30 in self.theme.subjects else ()
        return [self.add(self.subscription(learner)) for learner in learners]

    def own_subscription(self, learner: str) -> str | None:
        own = [row.key for row in self.all(Subscription) if row.learner == learner]
        found: str | None = self.pick([*own, None])
        return found

    def subscription(self, learner: str, key: str = "") -> Subscription:
        starts_at = self.moment() if self.chance(2) else self.first_day
        return Subscription(
            key=key or self.new_key(Subscription),
            learner=learner,
            profile=self.pick(self.keys(Profile)),
            starts_at=starts_at,
            expires_at=self.later(self.later(starts_at)) if self.chance(2) else None,
        )

    def activity(self, learner: str, key: str = "") -> Activity:
        return Activity(
            key=key or self.new_key(Activity),
            learner=learner,
            kind=self.pick(KINDS),
            started_at=self.moment(),
            course=self.pick([None, *self.keys(Course)]) if self.chance(3) else None,
            other=self.pick([None, *self.keys(Learner)]),
        )

    # second thoughts

    def second_thought(self) -> Change:
        facts = self.all(Fact)
        if facts and not self.chance(3):
            return self.correction(self.pick(facts))
        kinds = [Learner, Course, Class, Organization, Achievement, Achievement]
        kind = self.pick([kind for kind in kinds if self.all(kind)])
        thing = self.pick(self.all(kind))
        if kind is Achievement and self.chance(4):
            return Undo(thing.key)
        revise = {
            Learner: self.revised_learner,
            Course: self.revised_course,
            Class: self.revised_class,
            Organization: self.revised_organization,
            Achievement: self.revised_achievement,
        }[kind]
        revised = revise(thing)
        self.things[revised.key] = revised
        return Put(revised)

    def correction(self, fact: Fact) -> Change:
        """Another version of a fact, or none."""
        if isinstance(fact, Launch | Activity) and self.chance(4):
            del self.things[fact.key]
            return Drop(fact.key)
        revise: Any = {
            Launch: self.launch,
            Assignment: self.assignment,
            Enrollment: self.enrollment,
            Subscription: self.subscription,
            Activity: self.activity,
        }[type(fact)]
        revised: Fact = revise(fact.learner, fact.key)
        if self.draw(st.booleans()):
            # Only what became of it: when it began stays.
            revised = self.begun_as(revised, fact)
        self.things[fact.key] = revised
        return Put(revised)

    def begun_as(self, revised: Any, before: Any) -> Fact:
        if isinstance(revised, Subscription | Activity):
            return revised
        completed_at = self.later(before.started_at) if revised.completed_at else None
        if isinstance(revised, Assignment):
            return replace(
                revised,
                started_at=before.started_at,
                completed_at=completed_at,
                expires_at=before.expires_at,
                course=before.course,
            )
        kept: Fact = replace(revised, started_at=before.started_at, completed_at=completed_at)
        return kept

    def revised_learner(self, learner: Learner) -> Learner:
        match self.pick(["zone", "organization", "opt", "tick", "disabled"]):
            case "zone":
                return replace(learner, zone=self.pick(ZONES))
            case "disabled":
                return replace(learner, disabled=not learner.disabled)
            case "organization":
                return replace(learner, organization=self.pick(self.keys(Organization)))
            case "opt":
                return replace(learner, opted_out=not learner.opted_out, participates=learner.opted_out)
            case _:
                return replace(learner, participates=not learner.participates)

    def revised_course(self, course: Course) -> Course:
        match self.pick(["ticked", "tags", "organization"]):
            case "ticked":
                return replace(course, ticked=not course.ticked)
            case "tags":
                return replace(course, tags=self.subset(self.keys(Tag)))
            case _:
                return replace(course, organization=self.pick(self.keys(Organization)))

    def revised_class(self, training_class: Class) -> Class:
        if self.draw(st.booleans()):
            return replace(training_class, course=self.pick(self.keys(Course)))
        return replace(training_class, status=self.pick(["scheduled", "cancelled", "completed"]))

    def revised_organization(self, organization: Organization) -> Organization:
        if self.draw(st.booleans()):
            return replace(organization, enabled=not organization.enabled)
        return replace(organization, takes_global=not organization.takes_global)

    def revised_achievement(self, achievement: Achievement) -> Achievement:
        match self.pick(["rule", "frequency", "enabled", "points", "is_global", "organization"]):
            case "rule":
                return self.with_rule(achievement)
            case "frequency":
                revised = replace(
                    achievement,
                    frequency=self.draw(st.integers(1, 3)),
                    frequency_type=self.pick(self.theme.frequencies),
                )
                # Not every rule may be earned more than once by one user.
                is_plain = revised.frequency_type != "per_user" or revised.frequency == 1
                return revised if is_plain else self.with_rule(revised)
            case "enabled":
                return replace(achievement, enabled=not achievement.enabled)
            case "points":
                return replace(achievement, points=self.pick([0, 10, 100]))
            case "is_global":
                return replace(achievement, is_global=not achievement.is_global)
            case _:
                return replace(achievement, organization=self.pick(self.keys(Organization)))

    def with_rule(self, achievement: Achievement) -> Achievement:
        rule = self.rule(
            achievement.key, frequency=achievement.frequency, frequency_type=achievement.frequency_type
        )
        return replace(achievement, rule=rule)


def as_it_happens(facts: Iterable[Fact]) -> list[Put]:
    """The facts in the order in which they become known: how they begin, and later what becomes of them."""
    known: list[tuple[datetime, bool, int, Fact]] = []
    begun_at: dict[str, datetime] = {}
    for number, given in enumerate(facts):
        fact = given
        if isinstance(fact, Launch) and begun_at.get(fact.through or "", fact.started_at) > fact.started_at:
            fact = replace(fact, through=None)
        begun, ends_at = _begun(fact)
        begun_at[fact.key] = fact.started_at  # type: ignore[attr-defined]
        known.append((begun_at[fact.key], True, number, begun))
        if begun != fact:
            known.append((ends_at, False, number, fact))
    # Of two at once the one that began first: its record is the older one.
    return [Put(fact) for *_place, fact in sorted(known, key=lambda entry: entry[:3])]


def _begun(fact: Fact) -> tuple[Fact, datetime]:
    """What is known of a fact when it begins, and when the rest is."""
    if isinstance(fact, Launch):
        ends_at = fact.completed_at or fact.started_at + timedelta(minutes=fact.minutes)
        if ends_at == fact.started_at:
            return fact, ends_at
        status = "incomplete" if fact.status == "complete" else fact.status
        begun = replace(fact, status=status, completed_at=None, minutes=0, passed=None, score=None)
        return begun, ends_at
    if isinstance(fact, Assignment) and fact.completed_at:
        return replace(fact, completed_at=None), fact.completed_at
    if isinstance(fact, Enrollment) and fact.completed_at:
        return replace(fact, completed_at=None, completion="unknown"), fact.completed_at
    assert isinstance(fact, Assignment | Enrollment | Activity)
    return fact, fact.started_at
