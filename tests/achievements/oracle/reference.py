"""Who has earned what, worked out the slow and obvious way.

A second interpreter of the condition language, written from its description alone. It shares nothing with the
product: plain facts go in, awards come out, and clarity comes before speed. Rules are the JSON that an
administrator writes, with the keys of things in the place of ids.

Where the description leaves room, this is how it is read here:

- A launch is completed when it has a completed_at. Requests that were denied count as cancelled: a class
  neither way, a launch never. A launch whose resuming or saving failed was a launch before, and counts.
- MinMinutesSpent, Passed or MinScorePercent without a completion: the moment is started_at plus the minutes,
  the day is still the started day. MinScorePercent:0 asks for some score.
- SingleDay and WithinDays look for the earliest moment at which some day, or window, holds enough. Days may
  run backwards where a learner travels, so that is not always the earliest date.
- A launch leaves a session at the first moment at which the learner is known to have been there that day. It
  stays when the launch is corrected or removed.
- A streak is held at the earliest moment at which all of its days have a record. A bridged date does not
  count as a day; offsets are compared between the last record before it and the first one after it.
- A subscription is current from starts_at to expires_at, both inclusive.
- For learners who are reached through ticked courses only, neither awards nor activities outside of such a
  course count.
- Someone who opted out does not participate, whatever the tick says. Who is disabled cannot sign in, but what
  was learned still counts.
- Per Day: an award uses up everything until and including its moment, whichever rule counted it and whenever
  it arrived. `last` is the latest date of any award so far, so a record that arrives late cannot win a date
  before it.
- Per Achievement and Per Day: equal moments are decided by the id of the record that crossed the threshold.
  Contests over awards are decided when everything else is known, the oldest first, and again while that
  leads on.
- An award that was withdrawn when a run was undone counts for nothing, and nobody gets the same again. Once
  the rule that the run was for, or its own, means something else it is as if it had never been.
- Dates of After and Before are compared with the local date of the record; times that a zone skips or
  repeats are read as the first of the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, repr=False)
class Thing:
    key: str

    def __repr__(self) -> str:
        """Only what is not as usual, so that a counterexample can be read."""
        values = {row.name: (getattr(self, row.name), row.default) for row in fields(self)}
        told = [f"{name}={value!r}" for name, (value, usual) in values.items() if value != usual]
        return f"{type(self).__name__}({', '.join(told)})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(frozen=True, kw_only=True, repr=False)
class Organization(Thing):
    parent: str | None = None
    zone: str = "UTC"
    enabled: bool = True
    takes_global: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Learner(Thing):
    organization: str
    zone: str = ""
    participates: bool = True
    opted_out: bool = False
    disabled: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Lab(Thing):
    organization: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Tag(Thing):
    organization: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Course(Thing):
    organization: str
    tags: frozenset[str] = frozenset()
    ticked: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Profile(Thing):
    """A subscription profile, once called a club."""

    organization: str
    courses: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, repr=False)
class Class(Thing):
    course: str
    status: str = "scheduled"


@dataclass(frozen=True, kw_only=True, repr=False)
class Fact(Thing):
    """Something that one learner did or got."""

    learner: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Subscription(Fact):
    profile: str
    starts_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Assignment(Fact):
    course: str
    started_at: datetime
    completed_at: datetime | None = None
    expires_at: datetime
    status: str = "active"
    subscription: str | None = None
    from_on_demand: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Enrollment(Fact):
    training_class: str
    status: str = "enrolled"
    completion: str = "unknown"
    started_at: datetime
    completed_at: datetime | None = None
    subscription: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Launch(Fact):
    """`through` is the assignment or the enrolment that the lab was taken through, if any."""

    lab: str
    through: str | None = None
    status: str = "incomplete"
    started_at: datetime
    completed_at: datetime | None = None
    minutes: float = 0
    passed: bool | None = None
    score: float | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Activity(Fact):
    kind: str
    started_at: datetime
    course: str | None = None
    other: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Achievement(Thing):
    organization: str
    rule: list[dict[str, Any]]
    points: int = 0
    frequency: int = 1
    frequency_type: str = "per_user"
    is_global: bool = False
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class Award:
    """`day` is the learner's own, `edition` that of the rule. `undone` is the achievement whose run was undone,
    and the edition of its rule that the run was for."""

    learner: str
    achievement: str
    occurrence: int
    earned_at: datetime
    day: date
    points: int
    edition: int
    undone: tuple[str, int] | None = None

    @property
    def key(self) -> str:
        return award_key(self.learner, self.achievement, self.occurrence)


ThingT = TypeVar("ThingT", bound=Thing)


@dataclass(frozen=True, kw_only=True)
class Session:
    """What launches leave behind: the learner was there that day, whatever becomes of the launch."""

    key: str
    day: date
    moment: datetime
    zone: str


def award_key(learner: str, achievement: str, occurrence: int) -> str:
    return f"{achievement}/{learner}/{occurrence}"


def session_key(learner: str, day: date) -> str:
    return f"session/{learner}/{day}"


# how much of what a condition needs there is, and when it was enough
Standing = tuple[int, datetime | None]

FAILED_LAUNCHES = {
    "scheduled",
    "cancelled",
    "not_started",
    "storage_provisioning_failed",
    "lab_creation_failed",
}
DEAD_CLASSES = {"cancelled", "denied"}
NAMING_COURSES = ("CourseIds", "CourseTagIds", "ClubIds")


@dataclass
class World:
    """Everything there is, and what has been earned so far."""

    things: dict[str, Thing] = field(default_factory=dict)
    awards: list[Award] = field(default_factory=list)
    # (fact, field) → its moment and the learner's zone when that moment was written
    zones: dict[tuple[str, str], tuple[datetime, str]] = field(default_factory=dict)
    # (learner, local day) → the first moment at which the learner was seen that day, and the zone then
    seen: dict[tuple[str, date], tuple[datetime, str]] = field(default_factory=dict)
    # achievement → how many rules it has had that meant something else, now and when last evaluated
    editions: dict[str, int] = field(default_factory=dict)
    evaluated: dict[str, int] = field(default_factory=dict)

    def put(self, thing: Thing) -> None:
        """Store a thing, new or changed."""
        before = self.things.get(thing.key)
        self.things[thing.key] = thing
        if isinstance(thing, Organization) and before and thing.enabled and not before.enabled:  # type: ignore[attr-defined]
            self._let_everybody_participate(thing)
        if isinstance(thing, Achievement):
            is_edited = isinstance(before, Achievement) and meaning(before.rule) != meaning(thing.rule)
            self.editions[thing.key] = self.editions.get(thing.key, 0) + is_edited
        if isinstance(thing, Fact):
            for name in ("started_at", "completed_at"):
                self._keep_zone(thing, name)
        if isinstance(thing, Launch) and thing.status not in FAILED_LAUNCHES:
            self._see(thing)

    def drop(self, key: str) -> None:
        del self.things[key]

    def withdraw(self, keys: Iterable[str], *, cause: str) -> None:
        """Undo the last run of an achievement; others have found that these are its awards."""
        undone, gone = (cause, self.evaluated.get(cause, 0)), set(keys)
        self.awards = [replace(award, undone=undone) if award.key in gone else award for award in self.awards]

    def stands(self, award: Award) -> bool:
        """Whether an award is there, or at least in the way of another."""
        if award.undone is None:
            return True
        cause, edition = award.undone
        own_is_edited = award.edition < self.editions[award.achievement]
        return edition == self.editions[cause] and (cause == award.achievement or not own_is_edited)

    def give(self, awards: Iterable[Award]) -> None:
        """Add awards, in the place of what stands in nobody's way."""
        for award in awards:
            self.awards = [*(other for other in self.awards if other.key != award.key), award]

    def _let_everybody_participate(self, organization: Organization) -> None:
        for learner in self.all(Learner):
            if learner.organization == organization.key and not learner.opted_out:
                self.put(replace(learner, participates=True))

    def _keep_zone(self, fact: Fact, name: str) -> None:
        moment = getattr(fact, name, None)
        if moment is None:
            self.zones.pop((fact.key, name), None)
        elif (fact.key, name) not in self.zones or self.zones[fact.key, name][0] != moment:
            self.zones[fact.key, name] = (moment, self.zone_of(fact.learner))

    def _see(self, launch: Launch) -> None:
        moment, zone = self.zones[launch.key, "started_at"]
        day = launch.learner, local_day(moment, zone)
        self.seen[day] = min(self.seen.get(day, (moment, zone)), (moment, zone))

    def sessions(self, learner: Learner) -> Iterator[Session]:
        for (key, day), (moment, zone) in self.seen.items():
            if key == learner.key:
                yield Session(key=session_key(key, day), day=day, moment=moment, zone=zone)

    def all(self, kind: type[ThingT]) -> list[ThingT]:
        return [thing for thing in self.things.values() if isinstance(thing, kind)]

    def get(self, kind: type[ThingT], key: str) -> ThingT:
        thing = self.things[key]
        assert isinstance(thing, kind)
        return thing

    def zone_of(self, learner_key: str) -> str:
        learner = self.get(Learner, learner_key)
        return learner.zone or self.get(Organization, learner.organization).zone

    def day_of(self, fact: Fact, name: str) -> date:
        moment, zone = self.zones[fact.key, name]
        return local_day(moment, zone)

    def offset_of(self, fact: Fact) -> timedelta | None:
        return offset(*self.zones[fact.key, "started_at"])

    def evaluate(self, record_ids: Mapping[str, int]) -> None:
        """Award whatever is earned now.

        Awards give points and are counted by other rules, so everything is worked out again, from nothing but
        the awards made earlier, until another round changes nothing. What learners compete for by their awards
        comes last, and what it leads to is worked out in the same way.
        """
        contests = [it for it in self.all(Achievement) if it.enabled and it.frequency_type != "per_user"]
        for achievement in contests:
            if not reads_awards(achievement.rule):
                self.give(_Contest(self, achievement, self.awards, record_ids).new_awards())
        while True:
            self._settle(record_ids)
            before = self.awards
            for achievement in contests:
                if reads_awards(achievement.rule):
                    self.give(_Contest(self, achievement, self.awards, record_ids).new_awards())
            if self.awards == before:
                break
        self.evaluated = dict(self.editions)

    def standing(
        self, achievement: str, learner: str, record_ids: Mapping[str, int]
    ) -> list[Standing] | None:
        """How far a learner is in each condition; None for whom the achievement cannot reach."""
        contest = _Contest(self, self.get(Achievement, achievement), self.awards, record_ids)
        reach: object = contest.reach(self.get(Learner, learner))
        owner = contest.achievement.organization
        if reach == "ticked":
            reach = any(course.ticked and course.organization == owner for course in self.all(Course))
        own = [award.earned_at for award in contest.held if award.learner == learner]
        used_until = max(own, default=None) if contest.achievement.frequency_type == "per_day" else None
        attempt = contest.attempt(self.get(Learner, learner), used_until)
        return [attempt.standing(condition) for condition in leaves(attempt.rule)] if reach else None

    def _settle(self, record_ids: Mapping[str, int]) -> None:
        """Award what everybody may have."""
        new: list[Award] = []
        for rounds in count():
            assert rounds < 100, "No fixpoint."
            found = [
                award
                for achievement in self.all(Achievement)
                if achievement.enabled and achievement.frequency_type == "per_user"
                for award in _Contest(self, achievement, [*self.awards, *new], record_ids).new_awards()
            ]
            if found == new:
                break
            new = found
        self.give(new)


def local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def offset(moment: datetime, zone: str) -> timedelta | None:
    return moment.astimezone(ZoneInfo(zone)).utcoffset()


# ── one achievement, all learners ────────────────────────────────────────────────────────────────────────


class _Contest:
    """The learners whom one achievement reaches, and which of them may have it by its frequency."""

    def __init__(
        self, world: World, achievement: Achievement, known: Sequence[Award], record_ids: Mapping[str, int]
    ) -> None:
        self.world = world
        self.achievement = achievement
        self.known = known
        self.record_ids = record_ids
        self.zone = world.get(Organization, achievement.organization).zone
        self.edition = world.editions[achievement.key]
        self.all = [award for award in world.awards if award.achievement == achievement.key]
        self.held = [award for award in self.all if world.stands(award)]
        self.reached = [learner for learner in world.all(Learner) if self.is_reached(learner)]

    def is_reached(self, learner: Learner) -> bool:
        """Every gate is open."""
        own = self.world.get(Organization, self.achievement.organization)
        theirs = self.world.get(Organization, learner.organization)
        participates = learner.participates and not learner.opted_out
        return own.enabled and theirs.enabled and participates and bool(self.reach(learner))

    def reach(self, learner: Learner) -> str:
        """Empty, or by which records the learner may earn: `all`, or those of `ticked` courses."""
        own = self.world.get(Organization, self.achievement.organization)
        theirs = self.world.get(Organization, learner.organization)
        if own == theirs or (self.achievement.is_global and theirs.takes_global):
            return "all"
        names_courses = any(
            condition.get(key) for condition in leaves(self.achievement.rule) for key in NAMING_COURSES
        )
        return "ticked" if names_courses else ""

    def attempt(self, learner: Learner, used_until: datetime | None = None) -> _Attempt:
        return _Attempt(self, learner, used_until)

    def new_awards(self) -> list[Award]:
        if self.achievement.frequency_type == "per_day":
            return list(self.per_day())
        if self.achievement.frequency_type == "per_achievement":
            return list(self.per_achievement())
        return list(self.per_user())

    def per_user(self) -> Iterator[Award]:
        for learner in self.reached:
            taken = {award.occurrence for award in self.held if award.learner == learner.key}
            attempt = self.attempt(learner)
            for times in range(1, self.achievement.frequency + 1):
                crossing = attempt.crossing(times=times)
                if crossing and times not in taken:
                    yield self.award(attempt, crossing, occurrence=times)

    def per_achievement(self) -> Iterator[Award]:
        holders = {award.learner for award in self.held}
        attempts = [self.attempt(learner) for learner in self.reached if learner.key not in holders]
        crossed = [(crossing, attempt) for attempt in attempts if (crossing := attempt.crossing())]
        crossed.sort(key=lambda pair: pair[0].place)
        for crossing, attempt in crossed[: max(0, self.achievement.frequency - len(holders))]:
            yield self.award(attempt, crossing, occurrence=1)

    def per_day(self) -> Iterator[Award]:
        held = list(self.held)
        while True:
            last = max((local_day(award.earned_at, self.zone) for award in held), default=None)
            free_from = last + timedelta(days=self.achievement.frequency) if last else date.min
            crossed: list[tuple[Event, _Attempt]] = []
            for learner in self.reached:
                own = [award.earned_at for award in held if award.learner == learner.key]
                attempt = self.attempt(learner, max(own, default=None))
                if crossing := attempt.crossing_on_or_after(free_from):
                    crossed.append((crossing, attempt))
            if not crossed:
                return
            crossing, attempt = min(crossed, key=lambda pair: pair[0].place)
            times = sum(award.learner == attempt.learner.key for award in self.all)
            award = self.award(attempt, crossing, occurrence=times + 1)
            self.all.append(award)
            held.append(award)
            yield award

    def award(self, attempt: _Attempt, crossing: Event, *, occurrence: int) -> Award:
        return Award(
            learner=attempt.learner.key,
            achievement=self.achievement.key,
            occurrence=occurrence,
            earned_at=crossing.moment,
            day=crossing.day,
            points=self.achievement.points,
            edition=self.edition,
        )


# ── one achievement, one learner ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Event:
    """A fact, or an award, as one condition counts it: when, on which day, and what of it matters."""

    source: str
    moment: datetime
    day: date
    order: int
    item: str = ""
    minutes: float = 0
    points: int = 0
    person: str | None = None
    offset: timedelta | None = None

    @property
    def place(self) -> tuple[datetime, int]:
        """Ties in time are broken by record id."""
        return self.moment, self.order


class _Attempt:
    """What one learner has towards one achievement, without what is used up."""

    def __init__(self, contest: _Contest, learner: Learner, used_until: datetime | None) -> None:
        self.world = contest.world
        self.contest = contest
        self.learner = learner
        self.used_until = used_until
        self.rule = contest.achievement.rule
        self.only_ticked = contest.reach(learner) == "ticked"

    def crossing(self, *, times: int = 1) -> Event | None:
        """What completed the rule for the n-th time: the list holds when all of its parts do."""
        return self._group(self.rule, len(self.rule), times)

    def standing(self, condition: dict[str, Any]) -> Standing:
        crossing = self._condition(condition, 1)
        amount = have(condition, self.counted(condition))
        if condition.get("Days"):
            amount = min(amount, condition["Days"])
        return int(amount), crossing.moment if crossing else None

    def crossing_on_or_after(self, day: date) -> Event | None:
        """The first counting event from that date on, in the organization's zone, by which the rule holds."""
        crossing = self.crossing()
        if crossing is None:
            return None
        return next(
            (
                event
                for event in self.events()
                if event.place >= crossing.place and local_day(event.moment, self.contest.zone) >= day
            ),
            None,
        )

    def events(self) -> list[Event]:
        """Everything that any condition of the rule counts."""
        found = {
            (event.source, event.place): event
            for condition in leaves(self.rule)
            for event in self.counted(condition)
        }
        return sorted(found.values(), key=lambda event: event.place)

    def _group(self, parts: Sequence[dict[str, Any]], least: int, times: int) -> Event | None:
        """The n-th earliest of the parts."""
        crossed = [crossing for part in parts if (crossing := self._part(part, times))]
        crossed.sort(key=lambda event: event.place)
        return crossed[least - 1] if len(crossed) >= least else None

    def _part(self, part: dict[str, Any], times: int) -> Event | None:
        if "Any" in part:
            return self._group(part["Any"], 1, times)
        if "All" in part:
            return self._group(part["All"], len(part["All"]), times)
        if "AtLeast" in part:
            return self._group(part["Of"], part["AtLeast"], times)
        return self._condition(part, times)

    def _condition(self, condition: dict[str, Any], times: int) -> Event | None:
        """The event with which there was, for the first time, enough."""
        enough = needed(condition) * times
        events = self.counted(condition)
        for index, event in enumerate(events):
            so_far = events[: index + 1]
            if have(condition, so_far) >= enough:
                return replace(event, day=end_of_streak(so_far, enough)) if condition.get("Days") else event
        return None

    # which events count

    def counted(self, condition: dict[str, Any]) -> list[Event]:
        find = {
            0: self._labs,
            10: self._courses,
            20: self._courses,
            30: self._courses,
            40: self._awards,
            50: self._activities,
            60: self._activities,
        }[condition.get("Subject", 0)]
        events = [
            event
            for event in find(condition)
            if not self._is_used(event) and self._is_in_time(condition, event.moment)
        ]
        return sorted(events, key=lambda event: event.place)

    def _is_used(self, event: Event) -> bool:
        return self.used_until is not None and event.moment <= self.used_until

    def _is_in_time(self, condition: dict[str, Any], moment: datetime) -> bool:
        zone = self.contest.zone
        after, before = condition.get("After"), condition.get("Before")
        if after and is_date(after) and local_day(moment, zone) < date.fromisoformat(after):
            return False
        if before and is_date(before) and local_day(moment, zone) > date.fromisoformat(before):
            return False
        if after and not is_date(after) and moment < instant(after, zone):
            return False
        return not (before and not is_date(before) and moment > instant(before, zone))

    def _counts_here(self, course: str | None) -> bool:
        """Whether a fact that belongs to this course, or to none, may count for this learner at all."""
        if not self.only_ticked:
            return True
        if course is None:
            return False
        found = self.world.get(Course, course)
        return found.ticked and found.organization == self.contest.achievement.organization

    def _labs(self, condition: dict[str, Any]) -> Iterator[Event]:
        for launch in self._own(Launch):
            if launch.status in FAILED_LAUNCHES or not self._counts_here(self._course_of(launch)):
                continue
            if not is_wanted(condition, "LabProfileIds", launch.lab):
                continue
            if condition.get("Complete") and launch.completed_at is None:
                continue
            if condition.get("Passed") and launch.passed is not True:
                continue
            if launch.minutes < condition.get("MinMinutesSpent", 0):
                continue
            if "MinScorePercent" in condition and (
                launch.score is None or launch.score < condition["MinScorePercent"]
            ):
                continue
            asks_result = (
                condition.get("Passed") or condition.get("MinMinutesSpent") or "MinScorePercent" in condition
            )
            if launch.completed_at and (condition.get("Complete") or asks_result):
                moment, day = launch.completed_at, self.world.day_of(launch, "completed_at")
            elif asks_result:
                moment = launch.started_at + timedelta(minutes=launch.minutes)
                day = self.world.day_of(launch, "started_at")
            else:
                moment, day = launch.started_at, self.world.day_of(launch, "started_at")
            yield self._event(launch, moment, day, item=launch.lab, minutes=launch.minutes)

    def _course_of(self, launch: Launch) -> str | None:
        if launch.through is None:
            return None
        through = self.world.things[launch.through]
        if isinstance(through, Enrollment):
            return self.world.get(Class, through.training_class).course
        assert isinstance(through, Assignment)
        return through.course

    def _courses(self, condition: dict[str, Any]) -> Iterator[Event]:
        for fact in (*self._own(Assignment), *self._own(Enrollment)):
            if isinstance(fact, Assignment):
                course, completed_at = fact.course, completion_of_assignment(fact)
                counts = fact.status != "cancelled"
            else:
                training_class = self.world.get(Class, fact.training_class)
                course, completed_at = training_class.course, completion_of_enrollment(fact)
                counts = (
                    fact.status in {"enrolled", "audit"}
                    and fact.completion != "no_show"
                    and training_class.status not in DEAD_CLASSES
                )
            if not counts or not self._counts_here(course):
                continue
            if condition.get("Complete"):
                if completed_at is None:
                    continue
                moment, day = completed_at, self.world.day_of(fact, "completed_at")
            else:
                moment, day = fact.started_at, self.world.day_of(fact, "started_at")
            if self._is_course_wanted(condition, course) and self._is_paid_so(condition, fact, moment):
                yield self._event(fact, moment, day, item=course)

    def _is_course_wanted(self, condition: dict[str, Any], course: str) -> bool:
        tags = self.world.get(Course, course).tags
        if not is_wanted(condition, "CourseIds", course):
            return False
        if condition.get("CourseTagIds") and not tags & set(condition["CourseTagIds"]):
            return False
        return not tags & set(condition.get("ExcludeCourseTagIds", ()))

    def _is_paid_so(self, condition: dict[str, Any], fact: Assignment | Enrollment, moment: datetime) -> bool:
        """For Subject 30: taken through a subscription that was current then."""
        if condition.get("Subject") != 30:
            return True
        if fact.subscription is None or (isinstance(fact, Enrollment) and fact.status != "enrolled"):
            return False
        subscription = self.world.get(Subscription, fact.subscription)
        is_current = subscription.starts_at <= moment and (
            subscription.expires_at is None or moment <= subscription.expires_at
        )
        return is_current and is_wanted(condition, "ClubIds", subscription.profile)

    def _awards(self, condition: dict[str, Any]) -> Iterator[Event]:
        if self.only_ticked:
            return
        for order, award in enumerate(sorted(self.contest.known, key=lambda award: award.earned_at)):
            if award.learner != self.learner.key or award.achievement == self.contest.achievement.key:
                continue
            if award.undone:
                continue
            if is_wanted(condition, "AchievementIds", award.achievement):
                yield Event(
                    source=award.key,
                    moment=award.earned_at,
                    day=award.day,
                    order=order,
                    item=award.achievement,
                    points=award.points,
                )

    def _activities(self, condition: dict[str, Any]) -> Iterator[Event]:
        kinds = condition.get("Kinds") or (["session"] if condition["Subject"] == 60 else [])
        for activity in self._own(Activity):
            if kinds and activity.kind not in kinds:
                continue
            if activity.course is None and (condition.get("CourseIds") or self.only_ticked):
                continue
            if activity.course and not is_wanted(condition, "CourseIds", activity.course):
                continue
            if self._counts_here(activity.course):
                day = self.world.day_of(activity, "started_at")
                person = activity.other if activity.other != self.learner.key else None
                if condition.get("DistinctPeople") and person is None:
                    continue
                yield self._event(activity, activity.started_at, day, item=activity.kind, person=person)
        may_be_session = not (
            condition.get("CourseIds") or condition.get("DistinctPeople") or self.only_ticked
        )
        if may_be_session and (not kinds or "session" in kinds):
            for session in self.world.sessions(self.learner):
                yield Event(
                    source=session.key,
                    moment=session.moment,
                    day=session.day,
                    order=self.contest.record_ids[session.key],
                    item="session",
                    offset=offset(session.moment, session.zone),
                )

    def _own(self, kind: type[FactT]) -> list[FactT]:
        return [fact for fact in self.world.all(kind) if fact.learner == self.learner.key]

    def _event(self, fact: Fact, moment: datetime, day: date, **values: Any) -> Event:
        order, offset = self.contest.record_ids[fact.key], self.world.offset_of(fact)
        return Event(source=fact.key, moment=moment, day=day, order=order, offset=offset, **values)


FactT = TypeVar("FactT", bound=Fact)


def completion_of_assignment(assignment: Assignment) -> datetime | None:
    """Completion after the expiry does not count."""
    completed_at = assignment.completed_at
    return completed_at if completed_at and completed_at <= assignment.expires_at else None


def completion_of_enrollment(enrollment: Enrollment) -> datetime | None:
    return enrollment.completed_at if enrollment.completion == "complete" else None


# ── one condition, and the events that it counts ─────────────────────────────────────────────────────────


def needed(condition: dict[str, Any]) -> int:
    for key in ("Points", "Minutes", "Days", "Count"):
        if condition.get(key):
            return int(condition[key])
    return len(set(condition.get("AchievementIds", ()))) or 1


def have(condition: dict[str, Any], events: Sequence[Event]) -> float:
    """How much of what is needed there is in these events: on the best day or in the best window, if asked."""
    if condition.get("Days"):
        return longest_streak(events)
    width = 1 if condition.get("SingleDay") else condition.get("WithinDays")
    if width is None:
        return amount(condition, events)
    last = timedelta(days=width - 1)
    windows = ([other for other in events if event.day <= other.day <= event.day + last] for event in events)
    return max((amount(condition, window) for window in windows), default=0)


def amount(condition: dict[str, Any], events: Sequence[Event]) -> float:
    if condition.get("Points"):
        return sum(event.points for event in events)
    if condition.get("Minutes"):
        return sum(event.minutes for event in events)
    if condition.get("DistinctPeople"):
        return len({event.person for event in events})
    all_of_them = condition.get("AchievementIds") and not condition.get("Count")
    if condition.get("Distinct") or all_of_them:
        return len({event.item for event in events})
    return len(events)


def longest_streak(events: Sequence[Event]) -> int:
    return max((length for _day, length in streaks(events)), default=0)


def end_of_streak(events: Sequence[Event], days: int) -> date:
    """Its n-th day."""
    return next(day for day, length in streaks(events) if length >= days)


def streaks(events: Sequence[Event]) -> Iterator[tuple[date, int]]:
    """Each day on which there is something, and the how manieth in a row it is."""
    of_day: dict[date, list[Event]] = {}
    for event in events:
        of_day.setdefault(event.day, []).append(event)
    before, length = None, 0
    for day in sorted(of_day):
        missing = (day - before).days - 1 if before else -1
        is_bridged = missing == 1 and of_day[before][-1].offset != of_day[day][0].offset
        length = length + 1 if missing == 0 or is_bridged else 1
        yield day, length
        before = day


def reads_awards(rule: list[dict[str, Any]]) -> bool:
    return any(condition.get("Subject") == 40 for condition in leaves(rule))


def meaning(part: Any) -> Any:
    """The same for rules that say the same in other words."""
    if isinstance(part, list):
        return [meaning(inner) for inner in part]
    for group, least in (("Any", 1), ("All", len(part.get("All", ()))), ("Of", part.get("AtLeast"))):
        if group in part:
            return least, meaning(part[group])
    said = {key: sorted(value) if isinstance(value, list) else value for key, value in part.items()}
    said = {key: value for key, value in said.items() if value or key == "MinScorePercent"}
    said.setdefault("Subject", 0)
    if said["Subject"] == 60:
        said.setdefault("Kinds", ["session"])
    elif not ({"Count", "Points", "Minutes"} & said.keys()):
        wanted = said.get("AchievementIds", ())
        said |= {"Count": len(wanted), "Distinct": True} if wanted else {"Count": 1}
    if "Minutes" in said:
        said.pop("Distinct", None)
    return said


def leaves(parts: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The conditions of a rule, also those inside groups."""
    for part in parts:
        inner = next((part[name] for name in ("Any", "All", "Of") if name in part), None)
        if inner is None:
            yield part
        else:
            yield from leaves(inner)


def is_wanted(condition: dict[str, Any], key: str, thing: str) -> bool:
    """Whether an id list admits a thing: no list means any."""
    named = condition.get(key)
    return (not named or thing in named) and thing not in condition.get(f"Exclude{key}", ())


def is_date(text: str) -> bool:
    return len(text) == len("2024-02-29")


def instant(text: str, zone: str) -> datetime:
    """A time; without an offset it is told by the clocks of the zone."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
