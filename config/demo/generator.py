"""Puts the demo together and writes it down: `python -m config.demo.generator FOLDER`.

The same seed, day and sandbox address give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import date
from gettext import gettext as _
from pathlib import Path
from random import Random

from config.demo import catalogue, people, rewards
from config.demo.classroom import fill
from config.demo.community import live_together
from config.demo.entities import Demo, Entity
from config.demo.folder import write_folder
from config.demo.german import name_in_german
from config.demo.people import LOGINS, Login
from config.demo.rewards import GROUPS, TEMPLATES, sandbox_templates
from config.demo.schedule import PLANS
from config.demo.showcase import enroll_demo_learner, study_by_script
from config.demo.training import study
from config.demo.year import Year

__all__ = ["GROUPS", "LOGINS", "TEMPLATES", "Login", "build_demo", "sandbox_templates", "write_demo"]

SEED = 2026
SANDBOX_URL = "http://127.0.0.1:8001/v1"


def write_demo(folder: Path, *, seed: int = SEED, today: date, sandbox_url: str) -> None:
    """Write the CSV files into `folder`, over those of an earlier demo. Reaches a year back from `today`."""
    write_folder(folder, build_demo(seed=seed, today=today, sandbox_url=sandbox_url))


def build_demo(*, seed: int = SEED, today: date, sandbox_url: str) -> Demo:
    year = Year(rng=Random(seed), today=today)  # noqa: S311 - repeatable on purpose, and nothing secret
    learners = people.learners(year)
    heroine = people.demo_learner(year)
    demo = year.demo
    demo.organizations += catalogue.ORGANIZATIONS
    demo.users += [*people.STAFF_AND_LEARNER, *(learner.user for learner in learners)]
    demo.course_tags += catalogue.TAGS.values()
    demo.labs += catalogue.LABS.values()
    demo.courses += catalogue.COURSES.values()
    events = {plan: plan.event(this_monday=year.this_monday) for plan in PLANS}
    demo.classes += [event.training_class for event in events.values()]
    enroll_demo_learner(year, heroine, events)
    for event in events.values():
        fill(year, event, learners)
    study_by_script(year, heroine)
    for learner in learners:
        study(year, learner)
    live_together(year, learners, heroine)
    credly, accredible = rewards.credly(api_url=sandbox_url), rewards.accredible(api_url=sandbox_url)
    badges = rewards.badges(credly=credly, accredible=accredible)
    demo.badge_providers += [credly, accredible]
    demo.badges += badges.values()
    demo.achievements += rewards.achievements(badges)
    name_in_german([*demo.badges, *demo.achievements])
    _put_in_order(demo)
    return demo


def _put_in_order(demo: Demo) -> None:
    """Activity in the order in which it began, and external ids that count up with it."""
    demo.enrollments.sort(key=lambda row: row.enrolled_at)
    demo.course_assignments.sort(key=lambda row: row.started_at)
    demo.lab_instances.sort(key=lambda row: row.started_at)
    demo.activities.sort(key=lambda row: row.occurred_at)
    _number(demo.users, prefix="user", width=4)
    _number(demo.classes, prefix="class", width=3)
    _number(demo.enrollments, prefix="enrollment", width=4)
    _number(demo.course_assignments, prefix="assignment", width=5)
    _number(demo.lab_instances, prefix="lab-instance", width=6)
    _number(demo.activities, prefix="activity", width=6)


def _number(rows: Iterable[Entity], *, prefix: str, width: int) -> None:
    nameless = (row for row in rows if not row.external_id)
    for number, row in enumerate(nameless, start=1):
        row.external_id = f"{prefix}-{number:0{width}}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m config.demo.generator",
        description=_("Write a folder of demo data for import_training."),
    )
    parser.add_argument("folder", type=Path, help=_("where to write the CSV files; made if it is missing"))
    parser.add_argument("--seed", type=int, default=SEED, help=_("another number gives other people"))
    parser.add_argument(
        "--today",
        type=date.fromisoformat,
        default=date.today(),
        help=_("last day of the year of activity, YYYY-MM-DD"),
    )
    parser.add_argument("--sandbox-url", default=SANDBOX_URL, help=_("API URL of the demo's badge providers"))
    given = parser.parse_args()
    write_demo(given.folder, seed=given.seed, today=given.today, sandbox_url=given.sandbox_url)
    print(_("The demo is in %(folder)s.") % {"folder": given.folder})


if __name__ == "__main__":
    main()
