"""Three years of training, made up: the same rows for the same size, written into the product's own tables.

Popularity follows Zipf's law, activity is log-normal, and learners train in bursts: mostly one item, now and
then eight in a row. One record in ten was never completed; who fails an exam does not complete it. The rows
are transcripts alone, since that is all that rules read: no launch or enrolment stands behind them.

    python -m benchmarks.history SIZE      fill the database of DATABASE_URL, which has its tables already
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, islice
from typing import Any
from uuid import UUID

from django.db import connection, models

from tms.models import Course, CourseTag, Lab, LearningRecord, Organization, ProgressChange, User

SEED = 20_260_302
LABS, COURSES, EXAMS, TAGS = 5_000, 500, 100, 50
FIRST_DAY = date(2023, 11, 1)
DAYS = 3 * 365
BLOCK = 10_000
ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class Size:
    records: int
    learners: int


SIZES = {
    "100k": Size(100_000, 10_000),
    "1m": Size(1_000_000, 100_000),
    "10m": Size(10_000_000, 1_000_000),
}
Row = tuple[Any, ...]
RECORD = (
    "learner_id",
    "subject",
    "lab_id",
    "course_id",
    "kind",
    "started_at",
    "completed_at",
    "started_day",
    "completed_day",
    "utc_offset",
    "passed",
    "score",
    "minutes",
    "source_kind",
    "source_id",
)
BURSTS = {1: 50, 2: 22, 3: 12, 4: 7, 5: 4, 6: 3, 7: 1, 8: 1}
PER_BURST = sum(length * share for length, share in BURSTS.items()) / sum(BURSTS.values())


def fill(size: Size) -> None:
    """Everything but rules: an organization, its catalogue, its learners and their records."""
    organization = Organization.objects.create(
        pk=1, name="Benchmark", enable_achievements=True, time_zone=ZONE
    )
    _catalogue(organization)
    with unchecked():
        copy(User, USER, people(size))
        with _without_indexes(LearningRecord):
            copy(LearningRecord, RECORD, records(size))
    if connection.vendor == "postgresql":
        tidy(User, LearningRecord, Lab, Course, CourseTag, Course.tags.through)


def add(size: Size, *, count: int, number: int) -> None:
    """So many more records, each of any learner alike (the worst case), and the changes that tell of them."""
    dice = random.Random(SEED + number)
    what = _Items(dice)
    start = DAYS * 86_400 + number * 86_400
    first = size.records + 1 + number * 1_000_000
    rows = []
    for place, (is_lab, item) in enumerate(what.pick(count)):
        learner = dice.randrange(1, size.learners + 1)
        rows.append(
            _record(learner, is_lab, item, start + place % 80_000, chance=dice.random(), source=first + place)
        )
    copy(LearningRecord, RECORD, rows)
    now = f"{FIRST_DAY + timedelta(days=DAYS + number)} 23:59:59"
    copy(ProgressChange, ("learner_id", "at"), [(row[0], now) for row in rows])


def copy(model: type[models.Model], columns: Sequence[str], rows: Iterable[Row]) -> None:
    name = connection.ops.quote_name(model._meta.db_table)
    listed = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {name} ({listed}) FROM STDIN") as stream:
                for row in rows:
                    stream.write_row(row)
            return
        marks = ", ".join(["?"] * len(columns))
        with connection.wrap_database_errors:
            cursor.connection.executemany(f"INSERT INTO {name} ({listed}) VALUES ({marks})", rows)


def tidy(*model: type[models.Model]) -> None:
    """What autovacuum does on a server that is used: statistics, and which pages everybody can see."""
    with connection.cursor() as cursor:
        for one in model:
            cursor.execute(f"VACUUM (ANALYZE) {connection.ops.quote_name(one._meta.db_table)}")


@contextmanager
def unchecked() -> Iterator[None]:
    """Without a look at each foreign key: the rows are right by construction."""
    if connection.vendor != "postgresql":
        with connection.constraint_checks_disabled():
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("RESET session_replication_role")


@contextmanager
def _without_indexes(model: type[models.Model]) -> Iterator[None]:
    """Many rows go faster into a bare table; the model's indexes are made again afterwards.

    Not on SQLite, where a constraint is removed by copying the table, with all its indexes.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.remove_index(model, index)
        for constraint in model._meta.constraints:
            editor.remove_constraint(model, constraint)
    yield
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.add_index(model, index)
        for constraint in model._meta.constraints:
            editor.add_constraint(model, constraint)


def _catalogue(organization: Organization) -> None:
    dice = random.Random(SEED)
    Lab.objects.bulk_create(
        Lab(pk=pk, name=f"Lab {pk}", organization=organization, is_exam=pk > LABS)
        for pk in range(1, LABS + EXAMS + 1)
    )
    CourseTag.objects.bulk_create(
        CourseTag(pk=pk, name=f"Tag {pk}", organization=organization) for pk in range(1, TAGS + 1)
    )
    Course.objects.bulk_create(
        Course(
            pk=pk, name=f"Course {pk}", organization=organization, content_provider="-", publishing_group="-"
        )
        for pk in range(1, COURSES + 1)
    )
    Tagging = Course.tags.through
    Tagging.objects.bulk_create(
        Tagging(course_id=course, coursetag_id=tag)
        for course in range(1, COURSES + 1)
        for tag in dice.sample(range(1, TAGS + 1), dice.randint(1, 3))
    )


USER = (
    "id",
    "password",
    "is_superuser",
    "email",
    "first_name",
    "last_name",
    "organization_id",
    "time_zone",
    "earner_id",
    "participate_in_achievements",
    "is_active",
    "is_demo",
    "date_joined",
)


def people(size: Size) -> Iterator[Row]:
    dice = random.Random(SEED)
    for pk in range(1, size.learners + 1):
        earner = UUID(int=dice.getrandbits(128), version=4)
        text = str(earner) if connection.vendor == "postgresql" else earner.hex
        address = f"learner{pk}@example.org"
        joined = str(FIRST_DAY)
        yield (pk, "", False, address, "Ada", f"Learner{pk}", 1, "", text, True, True, False, joined)


def records(size: Size) -> Iterator[Row]:
    """In the order of time, as a site in use has written them."""
    return islice(_bursts(size), size.records)


def _bursts(size: Size) -> Iterator[Row]:
    dice = random.Random(SEED)
    what = _Items(dice)
    activity = list(accumulate(dice.lognormvariate(0, 1) for _learner in range(size.learners)))
    learners = range(1, size.learners + 1)
    per_second = size.records / PER_BURST / ((DAYS - 1) * 86_400)
    burst = source = 0
    while True:
        lengths = dice.choices(list(BURSTS), weights=list(BURSTS.values()), k=BLOCK)
        items = what.pick(sum(lengths))
        for learner, length in zip(
            dice.choices(learners, cum_weights=activity, k=BLOCK), lengths, strict=True
        ):
            # The last bursts may pass the expected end by a little; the calendar has room.
            moment = min(int(burst / per_second), (DAYS - 1) * 86_400)
            burst += 1
            for step in range(length):
                source += 1
                is_lab, item = next(items)
                yield _record(
                    learner, is_lab, item, moment + 1_500 * step, chance=dice.random(), source=source
                )


class _Items:
    """Labs, courses and exams by their popularity."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.items: list[tuple[bool, int]] = []
        shares: list[float] = []
        for is_lab, first, last, share in (
            (True, 1, LABS, 0.6),
            (False, 1, COURSES, 0.3),
            (True, LABS + 1, LABS + EXAMS, 0.1),
        ):
            zipf = [1 / rank for rank in range(1, last - first + 2)]
            total = sum(zipf)
            self.items += [(is_lab, pk) for pk in range(first, last + 1)]
            shares += [share * weight / total for weight in zipf]
        self.weights = list(accumulate(shares))

    def pick(self, count: int) -> Iterator[tuple[bool, int]]:
        return iter(self.dice.choices(self.items, cum_weights=self.weights, k=count))


def _record(learner: int, is_lab: bool, item: int, second: int, *, chance: float, source: int) -> Row:
    """`chance`, from 0 to 1, decides what came of it."""
    minutes = 5 + int(chance * 997) % 90
    if not is_lab:
        done = chance < 0.9
        return (
            learner,
            LearningRecord.Subject.COURSE.value,
            None,
            item,
            "",
            _stamp(second - 20 * 86_400),
            _stamp(second) if done else None,
            _DATES[second // 86_400 - 20],
            _DATES[second // 86_400] if done else None,
            0,
            None,
            None,
            None,
            LearningRecord.Source.COURSE_ASSIGNMENT.value,
            source,
        )
    is_exam = item > LABS
    done = chance < (0.75 if is_exam else 0.9)
    end = second + minutes * 60
    return (
        learner,
        LearningRecord.Subject.LAB.value,
        item,
        None,
        "",
        _stamp(second),
        _stamp(end) if done else None,
        _DATES[second // 86_400],
        _DATES[end // 86_400] if done else None,
        0,
        done if is_exam else None,
        (70 if done else 20) + int(chance * 30) if is_exam else None,
        minutes,
        LearningRecord.Source.LAB_INSTANCE.value,
        source,
    )


# Indexed from FIRST_DAY; courses begin before it, hence the negative end, and new records lie after it.
_DATES = {day: str(FIRST_DAY + timedelta(days=day)) for day in range(-30, DAYS + 400)}
_CLOCK = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(1_440)]


def _stamp(second: int) -> str:
    day, rest = divmod(second, 86_400)
    return f"{_DATES[day]} {_CLOCK[rest // 60]}:{rest % 60:02}"


if __name__ == "__main__":
    fill(SIZES[sys.argv[1]])
