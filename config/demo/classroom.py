"""Enrolments in all their statuses, and the labs that a class launches while it meets."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from config.demo.catalogue import OUTSIDE
from config.demo.diary import Session, at_hour
from config.demo.entities import Enrollment
from config.demo.people import Learner
from config.demo.schedule import Event
from config.demo.training import Through, launch
from config.demo.year import DAY, Year

OUTCOMES, OUTCOME_SHARES = (
    ("complete", "no_show", "incomplete", "failed", "unknown", "attending"),
    (72, 8, 7, 6, 4, 3),
)
STAYED_AWAY = ("no_show", "unknown")
# Those who are not simply enrolled, in a class that has begun and in one to come.
ASIDE_SINCE = ("cancelled", "cancelled", "audit", "denied", "wait_listed")
ASIDE_BEFORE = (
    "requested",
    "requested",
    "approved",
    "approved",
    "wait_listed",
    "cancelled",
    "audit",
    "denied",
)


def fill(year: Year, event: Event, learners: list[Learner]) -> None:
    """Enrol nearly as many as there are places, counting those already there; others stand aside."""
    has_begun = event.days[0] <= year.last_day
    already = sum(enrollment.class_ is event.training_class for enrollment in year.demo.enrollments)
    filled = year.rng.uniform(0.6, 0.95) if has_begun else year.rng.uniform(0.3, 0.7)
    places = round(event.training_class.maximum * filled) - already
    statuses = ["enrolled"] * places + list(ASIDE_SINCE if has_begun else ASIDE_BEFORE)
    year.rng.shuffle(statuses)
    pool = [(learner, _attraction(year, event, learner)) for learner in learners]
    for learner, status in zip(year.draw(pool, count=len(statuses)), statuses, strict=False):
        enroll(year, event, learner, status=status)


def enroll(year: Year, event: Event, learner: Learner, *, status: str, outcome: str = "") -> None:
    """Those who attend also launch the labs. Without `outcome` the completion status is left to chance."""
    enrollment = Enrollment(
        user=learner.user,
        class_=event.training_class,
        status=status,
        enrolled_at=_enrolled_at(year, event, learner),
    )
    year.demo.enrollments.append(enrollment)
    if status not in ("enrolled", "audit") or event.training_class.status == "cancelled":
        return
    learner.diary.taken.update(event.days)
    if status == "enrolled":
        enrollment.completion_status = outcome or _outcome(year, event)
    if enrollment.completion_status == "complete":
        enrollment.completed_at = event.training_class.ends_at.astimezone(learner.user.zone)
    if status == "audit" or enrollment.completion_status not in STAYED_AWAY:
        _attend(year, event, learner, enrollment)


def _attraction(year: Year, event: Event, learner: Learner) -> float:
    """How likely this learner is to come: free that week and still here, near, of the house, keen."""
    here = learner.first_day <= min(event.days[0], year.last_day) <= learner.diary.last_day
    if not here or learner.diary.taken.intersection(event.days):
        return 0
    course = event.training_class.course
    if learner.user.organization is OUTSIDE and not course.achievements_for_outside_organizations:
        return 0
    near = 1 if learner.region == event.region else 0.03
    own = 1 if learner.user.organization is event.training_class.organization else 0.35
    return near * own * learner.zeal


def _enrolled_at(year: Year, event: Event, learner: Learner) -> datetime:
    latest = min(event.days[0] - 3 * DAY, year.last_day)
    day = latest - year.rng.randint(0, 45) * DAY
    return at_hour(day, year.rng.uniform(8, 18)).replace(tzinfo=learner.user.zone)


def _outcome(year: Year, event: Event) -> str:
    if event.days[-1] <= year.last_day:
        return year.rng.choices(OUTCOMES, OUTCOME_SHARES)[0]
    if event.days[0] <= year.last_day:
        return "attending" if year.rng.random() < 0.85 else "unknown"
    return "unknown"


def _attend(year: Year, event: Event, learner: Learner, enrollment: Enrollment) -> None:
    """The labs of the course in order, spread over the days; everybody starts at about the same time."""
    labs = event.training_class.course.labs
    labs_a_day = ceil(len(labs) / len(event.days))
    begin, end = event.hours
    slot = (end - begin) / labs_a_day
    place = event.training_class.starts_at.tzinfo
    for number, lab in enumerate(labs):
        day = event.days[number // labs_a_day]
        if day > year.last_day:
            return
        hour = begin + slot * (number % labs_a_day + year.rng.uniform(0.05, 0.2))
        minutes = min(lab.typical_minutes * year.rng.uniform(0.8, 1.3), slot * 60 * 0.75)
        started_at, ended_at = (
            at_hour(day, at).replace(tzinfo=place).astimezone(learner.user.zone)
            for at in (hour, hour + minutes / 60)
        )
        session = Session(started_at, ended_at)
        launch(year, learner, lab, session=session, through=Through(enrollment=enrollment))
