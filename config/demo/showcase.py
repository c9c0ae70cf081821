"""What the learner who signs in has done: told, not drawn, so that her page always shows every stage.

She has earned a good many achievements. One more step each is missing for others: a third security course,
the last Cloud Engineer course with its exam, an exam failed twice by a little, a response lab left half-way.
Only inside a class does she do as the others do.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.demo.catalogue import COURSES, LABS
from config.demo.classroom import enroll
from config.demo.entities import CourseAssignment
from config.demo.people import Learner
from config.demo.schedule import Event, Plan
from config.demo.training import Through, record
from config.demo.year import DAY, WEEK, Year


@dataclass(frozen=True, kw_only=True)
class Step:
    """A launch, so many days after the course was begun."""

    day: int
    lab: str
    status: str = "complete"
    score_percent: float | None = None


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A course begun on the Tuesday of a week before this one."""

    weeks_ago: int
    course: str
    finished: bool
    steps: tuple[Step, ...]


CHAPTERS = (
    Chapter(
        weeks_ago=44,
        course="cloud-foundations",
        finished=True,
        steps=(
            Step(day=1, lab="console-tour"),
            Step(day=1, lab="first-virtual-network"),
            Step(day=1, lab="foundations-capstone"),
        ),
    ),
    Chapter(
        weeks_ago=38,
        course="secure-coding-foundations",
        finished=True,
        steps=(
            Step(day=0, lab="secure-login"),
            Step(day=2, lab="injection-defence", status="incomplete"),
            Step(day=3, lab="injection-defence"),
            Step(day=7, lab="secrets-handling"),
        ),
    ),
    Chapter(
        weeks_ago=31,
        course="identity-and-access",
        finished=True,
        steps=(Step(day=1, lab="identity-roles"), Step(day=8, lab="secure-login")),
    ),
    Chapter(
        weeks_ago=26,
        course="cloud-engineer-1",
        finished=True,
        steps=(Step(day=0, lab="virtual-machines"), Step(day=2, lab="object-storage")),
    ),
    Chapter(
        weeks_ago=20,
        course="cloud-engineer-2",
        finished=True,
        steps=(Step(day=1, lab="private-network"), Step(day=7, lab="identity-roles")),
    ),
    Chapter(
        weeks_ago=14,
        course="cloud-engineer-3",
        finished=True,
        steps=(
            Step(day=0, lab="automated-rollout", status="storage_provisioning_failed"),
            Step(day=0, lab="automated-rollout"),
            Step(day=9, lab="backup-restore"),
        ),
    ),
    Chapter(
        weeks_ago=9,
        course="data-pipelines",
        finished=False,
        steps=(
            Step(day=0, lab="ingest-pipeline"),
            Step(day=1, lab="data-quality"),
            Step(day=8, lab="data-pipelines-exam", score_percent=61),
            Step(day=15, lab="data-pipelines-exam", score_percent=66.5),
        ),
    ),
    Chapter(
        weeks_ago=5,
        course="security-operations-essentials",
        finished=False,
        steps=(
            Step(day=0, lab="alert-queue"),
            Step(day=2, lab="workstation-evidence", status="incomplete"),
            Step(day=8, lab="security-operations-exam", score_percent=64.5),
            Step(day=14, lab="security-operations-exam", score_percent=82),
        ),
    ),
    Chapter(
        weeks_ago=1,
        course="monitoring-that-helps",
        finished=False,
        steps=(Step(day=1, lab="monitoring-alerts"),),
    ),
)
# (week, course) of a plan → completion status. The running class ends with the exam she lacks; the next one
# is her third security course.
ATTENDED = {
    (-46, "network-troubleshooting"): "complete",
    (-1, "cloud-engineer-4"): "attending",
    (1, "incident-response"): "unknown",
}


def enroll_demo_learner(year: Year, learner: Learner, events: dict[Plan, Event]) -> None:
    for plan, event in events.items():
        outcome = ATTENDED.get((plan.week, plan.course))
        if outcome:
            enroll(year, event, learner, status="enrolled", outcome=outcome)


def study_by_script(year: Year, learner: Learner) -> None:
    for chapter in CHAPTERS:
        _study_chapter(year, learner, chapter)


def _study_chapter(year: Year, learner: Learner, chapter: Chapter) -> None:
    tuesday = year.this_monday - chapter.weeks_ago * WEEK + DAY
    started_at = learner.diary.sit_on(tuesday, minutes=3).started_at
    assignment = CourseAssignment(
        user=learner.user,
        course=COURSES[chapter.course],
        started_at=started_at,
        expires_at=started_at + 180 * DAY,
        from_on_demand=True,
    )
    year.demo.course_assignments.append(assignment)
    for step in chapter.steps:
        session = learner.diary.sit_on(tuesday + step.day * DAY, minutes=LABS[step.lab].typical_minutes)
        instance = record(
            year,
            learner,
            LABS[step.lab],
            session=session,
            through=Through(course_assignment=assignment),
            status=step.status,
            score_percent=step.score_percent,
        )
        if chapter.finished:
            assignment.completed_at = instance.completed_at
