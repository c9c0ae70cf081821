"""What people do besides labs: lessons and modules that they finish, days in a row, what they do together.

Told after everything else, so that the year before it stays as it was. The academy alone has a community, and
a course player that tells of lessons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from config.demo.catalogue import ACADEMY, LABS
from config.demo.entities import Activity, Course, LabInstance, User
from config.demo.people import Learner
from config.demo.training import record
from config.demo.year import DAY, Year

# Of those who are keen, so many once want to know it: so many days in a row.
KEEN, STREAK_SHARE, STREAK_DAYS = 5, 0.4, (5, 12)
MOST_POSTS, MOST_COMMENTS = 12, 40
MOST_LATER = timedelta(days=3)


def live_together(year: Year, learners: Sequence[Learner], heroine: Learner) -> None:
    """The days, the lessons and the community of everybody, and of the learner who signs in."""
    for learner in learners:
        if learner.zeal >= KEEN and year.rng.random() < STREAK_SHARE:
            _keep_a_streak(year, learner, days=year.rng.randint(*STREAK_DAYS))
    _keep_at_it(year, heroine)
    academy = [learner for learner in learners if learner.user.organization is ACADEMY]
    launches = _completed(year, {learner.user for learner in [*academy, heroine]})
    for done in launches.values():
        year.demo.activities += _lessons(done)
    peers = [learner.user for learner in academy if launches.get(learner.user)]
    for learner in academy:
        if own := launches.get(learner.user):
            _talk(year, learner, own, peers=peers)
    _talk_by_script(year, heroine, launches[heroine.user], peers=peers)


# ── days in a row ────────────────────────────────────────────────────────────────────────────────────────


def _keep_a_streak(year: Year, learner: Learner, *, days: int) -> None:
    """A lab a day, but where a class is held anyway."""
    last = (learner.diary.last_day - learner.first_day).days - days
    if last < 0:
        return
    first = learner.first_day + year.rng.randint(0, last) * DAY
    every = [first + n * DAY for n in range(days)]
    _practise_daily(year, learner, [day for day in every if day not in learner.diary.taken])


def _keep_at_it(year: Year, learner: Learner) -> None:
    """Four mornings up to the last day that is told, also those before an evening class: a streak that is not
    long enough yet."""
    _practise_daily(year, learner, [year.last_day - n * DAY for n in (3, 2, 1, 0)])


def _practise_daily(year: Year, learner: Learner, days: Iterable[date]) -> None:
    labs = [lab for lab in LABS.values() if not lab.is_exam and lab.typical_minutes <= 45]
    for day in days:
        lab = year.rng.choice(labs)
        session = learner.diary.sit_on(day, minutes=lab.typical_minutes * year.rng.uniform(0.7, 1.2))
        record(year, learner, lab, session=session, status="complete")


# ── lessons and modules ──────────────────────────────────────────────────────────────────────────────────


def _completed(year: Year, users: set[User]) -> dict[User, list[LabInstance]]:
    """The labs that each of them has completed, in order of time."""
    found: dict[User, list[LabInstance]] = defaultdict(list)
    for launch in year.demo.lab_instances:
        if launch.user in users and launch.completed_at:
            found[launch.user].append(launch)
    for done in found.values():
        done.sort(key=lambda launch: launch.started_at)
    return found


def _lessons(done: Sequence[LabInstance]) -> Iterable[Activity]:
    """A lab that is completed for a course is a lesson of it; all of its labs are a module."""
    seen: dict[int, set[str]] = defaultdict(set)
    for launch in done:
        course = _course_of(launch)
        if course is None or launch.completed_at is None or launch.passed is False:
            continue
        through = id(launch.course_assignment or launch.enrollment)
        if launch.lab.external_id in seen[through]:
            continue
        seen[through].add(launch.lab.external_id)
        yield _activity(launch.user, "lesson_completed", launch.completed_at, course=course)
        if len(seen[through]) == len(course.labs):
            yield _activity(launch.user, "module_completed", launch.completed_at, course=course)


def _course_of(launch: LabInstance) -> Course | None:
    if launch.course_assignment:
        return launch.course_assignment.course
    return launch.enrollment.class_.course if launch.enrollment else None


# ── the community ────────────────────────────────────────────────────────────────────────────────────────


def _talk(year: Year, learner: Learner, done: Sequence[LabInstance], *, peers: Sequence[User]) -> None:
    """Most say little, a few a lot, and after a lab. Posts are reacted to; who comments may help."""
    talkative = year.rng.paretovariate(1.2) - 1
    posts = min(MOST_POSTS, int(talkative))
    comments = min(MOST_COMMENTS, int(talkative * year.rng.uniform(1, 5)))
    others = [peer for peer in peers if peer is not learner.user]
    for at in _moments(year, done, count=posts):
        _say(year, learner.user, "post_published", at)
        for _reaction in range(min(12, int(year.rng.expovariate(1 / 3)))):
            later = _later(year, at)
            _say(year, learner.user, "reaction_received", later, other=year.rng.choice(others))
    for at in _moments(year, done, count=comments):
        _say(year, learner.user, "comment_added", at)
        if year.rng.random() < 0.3:
            _say(year, learner.user, "learner_helped", at, other=year.rng.choice(others))


def _moments(year: Year, done: Sequence[LabInstance], *, count: int) -> list[datetime]:
    """A few minutes after labs, in order of time."""
    ends = [launch.completed_at for launch in year.rng.choices(done, k=count) if launch.completed_at]
    return sorted(end + timedelta(seconds=year.rng.randint(120, 1_500)) for end in ends)


def _later(year: Year, at: datetime) -> datetime:
    """Within days, and not beyond the last day that is told."""
    ends = datetime.combine(year.last_day + DAY, datetime.min.time(), at.tzinfo)
    return min(at + MOST_LATER * year.rng.random(), max(ends, at))


def _talk_by_script(
    year: Year, learner: Learner, done: Sequence[LabInstance], *, peers: Sequence[User]
) -> None:
    """Her first post was liked by six; six of ten comments, and two people helped, one of them twice."""
    user, friends = learner.user, peers[:8]
    *_, begun = (launch.completed_at for launch in done[:6])
    if begun is None:
        return
    _say(year, user, "post_published", begun + timedelta(minutes=12))
    for number, friend in enumerate(friends[:6]):
        _say(year, user, "reaction_received", begun + timedelta(hours=2 + 5 * number), other=friend)
    moments = [launch.completed_at for launch in done[-12:] if launch.completed_at]
    for number, end in enumerate(moments[:6]):
        at = end + timedelta(minutes=9)
        _say(year, user, "comment_added", at)
        if number % 2 == 0:
            _say(year, user, "learner_helped", at, other=friends[min(number, 2)])


def _say(year: Year, user: User, kind: str, at: datetime, *, other: User | None = None) -> None:
    year.demo.activities.append(_activity(user, kind, at, other_user=other))


def _activity(
    user: User, kind: str, at: datetime, *, course: Course | None = None, other_user: User | None = None
) -> Activity:
    return Activity(user=user, kind=kind, occurred_at=at, course=course, other_user=other_user)
