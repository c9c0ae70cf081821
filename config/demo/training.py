"""Courses taken and labs launched: how one learner gets through a year, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from config.demo.catalogue import CLOUD_ENGINEER_PATH, CLOUD_FOUNDATIONS, COURSES, LABS, OUTSIDE
from config.demo.diary import Session
from config.demo.entities import Course, CourseAssignment, Enrollment, Lab, LabInstance
from config.demo.people import Learner
from config.demo.year import DAY, Year, zipf

PASSING_SCORE = 70
ATTEMPTS = 4
TERMS, TERM_SHARES = (30, 60, 90, 180), (1, 2, 2, 5)
# How a launch ends, besides the usual "complete".
NEVER_STARTED = (
    "storage_provisioning_failed",
    "lab_creation_failed",
    "not_started",
    "cancelled",
    "scheduled",
)
BROKEN_OFF = ("incomplete", "resume_failed", "save_failed")
AWAITING_RESULT = ("submitted_for_grading", "grading_in_progress")


@dataclass(frozen=True, kw_only=True)
class Through:
    """The way in which a lab is taken; neither is free practice."""

    course_assignment: CourseAssignment | None = None
    enrollment: Enrollment | None = None


PRACTICE = Through()


def study(year: Year, learner: Learner) -> None:
    """Everything that a learner does alone, outside of classes."""
    if not learner.zeal:
        return
    for course in _choose_courses(year, learner):
        if day := _any_day(year, learner):
            take_course(year, learner, course, day=day)
    if learner.zeal > 4 and year.rng.random() < 0.5:
        follow_path(year, learner)
    for _bout in range(year.rng.randint(0, learner.zeal * 2)):
        if day := _any_day(year, learner):
            practise(year, learner, day=day)


def follow_path(year: Year, learner: Learner) -> None:
    """The Cloud Engineer courses in their order, every few weeks one, as far as the year reaches."""
    day = _any_day(year, learner)
    for course in CLOUD_ENGINEER_PATH:
        if day is None:
            return
        take_course(year, learner, course, day=day)
        day = learner.diary.study_day(day + year.rng.randint(10, 30) * DAY)


def practise(year: Year, learner: Learner, *, day: date) -> None:
    """A few labs at a stretch, for no course at all."""
    labs = [lab for lab in LABS.values() if not lab.is_exam]
    for lab in year.rng.choices(labs, zipf(len(labs)), k=year.rng.choice((1, 1, 2, 3, 4))):
        take_lab(year, learner, lab, day=day)


def take_course(year: Year, learner: Learner, course: Course, *, day: date) -> None:
    """Start a course and work through its labs until it is finished, given up or out of time."""
    opened = learner.diary.sit(day, minutes=year.rng.randint(1, 6))
    if opened is None:
        return
    assignment = assign(year, learner, course, started_at=opened.started_at)
    fate = year.rng.random()
    if fate < 0.05:
        assignment.status = "cancelled"
        return
    finished_at = _work_through(year, learner, assignment)
    if finished_at and fate < 0.10:
        late = timedelta(days=year.rng.randint(1, 9), minutes=year.rng.randint(10, 200))
        finished_at = assignment.expires_at + late
    if finished_at and finished_at.date() <= learner.diary.last_day:
        assignment.completed_at = finished_at


def assign(year: Year, learner: Learner, course: Course, *, started_at: datetime) -> CourseAssignment:
    assignment = CourseAssignment(
        user=learner.user,
        course=course,
        started_at=started_at,
        expires_at=started_at + timedelta(days=year.rng.choices(TERMS, TERM_SHARES)[0]),
        target_completion=started_at + timedelta(days=21) if year.rng.random() < 0.3 else None,
        from_on_demand=year.rng.random() < 0.4,
    )
    year.demo.course_assignments.append(assignment)
    return assignment


def take_lab(
    year: Year, learner: Learner, lab: Lab, *, day: date, through: Through = PRACTICE
) -> datetime | None:
    """Launch a lab until it is completed (an exam: passed); when that was, or None if it never was."""
    next_day: date | None = day
    for _attempt in range(ATTEMPTS):
        session = learner.diary.sit(next_day, minutes=_length(year, lab)) if next_day else None
        if session is None:
            return None
        instance = launch(year, learner, lab, session=session, through=through)
        if instance.completed_at and instance.passed is not False:
            return instance.completed_at
        if year.rng.random() > learner.persistence:
            return None
        rest = year.rng.randint(1, 6) if lab.is_exam else year.rng.randint(0, 2)
        next_day = learner.diary.study_day(session.started_at.date() + rest * DAY)
    return None


def launch(year: Year, learner: Learner, lab: Lab, *, session: Session, through: Through) -> LabInstance:
    """One launch in that session, with an end as chance has it."""
    instance = record(year, learner, lab, session=session, through=through, status="complete")
    chance = year.rng.random()
    if chance < 0.025:
        instance.status = year.rng.choices(NEVER_STARTED, (4, 4, 3, 2, 1))[0]
        instance.minutes, instance.completed_at = 0, None
    elif chance < 0.025 + (1 - learner.persistence) * 0.6:
        instance.status = year.rng.choices(BROKEN_OFF, (12, 1, 1))[0]
        instance.minutes, instance.completed_at = round(session.minutes * year.rng.uniform(0.1, 0.7), 1), None
    elif lab.is_exam and session.started_at.date() > learner.diary.last_day - 14 * DAY and chance > 0.6:
        instance.status = year.rng.choice(AWAITING_RESULT)
        instance.completed_at = None
    elif lab.is_exam:
        score = min(100, max(5, year.rng.gauss(learner.skill, 11)))
        instance.score_percent = round(score * 2) / 2
        instance.passed = instance.score_percent >= PASSING_SCORE
    return instance


def record(
    year: Year,
    learner: Learner,
    lab: Lab,
    *,
    session: Session,
    through: Through = PRACTICE,
    status: str,
    score_percent: float | None = None,
) -> LabInstance:
    instance = LabInstance(
        user=learner.user,
        lab=lab,
        course_assignment=through.course_assignment,
        enrollment=through.enrollment,
        started_at=session.started_at,
        completed_at=session.ended_at if status == "complete" else None,
        minutes=round(session.minutes, 1),
        passed=None if score_percent is None else score_percent >= PASSING_SCORE,
        score_percent=score_percent,
        status=status,
    )
    year.demo.lab_instances.append(instance)
    return instance


def _choose_courses(year: Year, learner: Learner) -> list[Course]:
    """Popular ones more often; customers come for Cloud Foundations."""
    weights = zip(COURSES.values(), zipf(len(COURSES)), strict=True)
    chosen = year.draw(weights, count=learner.zeal)
    if learner.user.organization is OUTSIDE and CLOUD_FOUNDATIONS not in chosen:
        chosen[0] = CLOUD_FOUNDATIONS
    return chosen


def _any_day(year: Year, learner: Learner) -> date | None:
    days = (learner.diary.last_day - learner.first_day).days
    return learner.diary.study_day(learner.first_day + year.rng.randint(0, days) * DAY)


def _work_through(year: Year, learner: Learner, assignment: CourseAssignment) -> datetime | None:
    """Labs in order, with pauses; the end of the last one, or None when the learner stopped before."""
    finished_at: datetime | None = None
    day = assignment.started_at.date()
    last_start = assignment.expires_at.date() - 7 * DAY  # who begins later could not finish in time
    for lab in assignment.course.labs:
        next_day = learner.diary.study_day(day + min(25, int(year.rng.expovariate(1 / 3))) * DAY)
        if next_day is None or next_day > last_start or year.rng.random() > learner.persistence:
            return None
        through = Through(course_assignment=assignment)
        finished_at = take_lab(year, learner, lab, day=next_day, through=through)
        if finished_at is None:
            return None
        day = finished_at.date()
    return finished_at


def _length(year: Year, lab: Lab) -> float:
    return lab.typical_minutes * min(2.0, year.rng.lognormvariate(0, 0.3))
