"""The classes of the demo: planned in weeks before and after this one, and the events that come of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from config.demo.catalogue import ACADEMY, ASIA_PACIFIC, COURSES, EUROPE
from config.demo.diary import at_hour
from config.demo.entities import Class, Organization, User
from config.demo.people import CONTRACT_INSTRUCTOR, INSTRUCTOR
from config.demo.year import DAY, WEEK


@dataclass(frozen=True, eq=False, kw_only=True)
class Event:
    """A class with the days on which it meets, and from and until when on the clock of its place."""

    training_class: Class
    region: str
    days: list[date]
    hours: tuple[int, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """From the Monday of `week` on: whole days, or for some `weeks` the evenings of Monday and Thursday."""

    week: int
    course: str
    organization: Organization
    zone: str
    region: str
    maximum: int
    days: int = 3
    weeks: int = 0
    minimum: int = 8
    instructors: tuple[User, ...] = (INSTRUCTOR,)
    status: str = "completed"

    def event(self, *, this_monday: date) -> Event:
        days = self._days(this_monday + self.week * WEEK)
        begin, end = hours = (18, 21) if self.weeks else (9, 16)
        zone = ZoneInfo(self.zone)
        city = self.zone.rpartition("/")[2].replace("_", " ")
        training_class = Class(
            name=f"{COURSES[self.course].name}, {city} {days[0]:%Y-%m}",
            course=COURSES[self.course],
            organization=self.organization,
            starts_at=at_hour(days[0], begin).replace(tzinfo=zone),
            ends_at=at_hour(days[-1], end).replace(tzinfo=zone),
            status=self.status,
            minimum=self.minimum,
            maximum=self.maximum,
            instructors=self.instructors,
        )
        return Event(training_class=training_class, region=self.region, days=days, hours=hours)

    def _days(self, monday: date) -> list[date]:
        if not self.weeks:
            return [monday + day * DAY for day in range(self.days)]
        return [monday + week * WEEK + day * DAY for week in range(self.weeks) for day in (0, 3)]


PLANS = (
    Plan(
        week=-50,
        course="cloud-foundations",
        organization=ACADEMY,
        zone="America/Chicago",
        region="americas",
        maximum=30,
    ),
    Plan(
        week=-46,
        course="network-troubleshooting",
        organization=ACADEMY,
        zone="Europe/Berlin",
        region="europe",
        maximum=26,
        days=2,
    ),
    Plan(
        week=-43,
        course="security-operations-essentials",
        organization=ACADEMY,
        zone="Europe/London",
        region="europe",
        maximum=28,
        days=4,
        instructors=(CONTRACT_INSTRUCTOR,),
    ),
    Plan(
        week=-39,
        course="questions-to-a-database",
        organization=ASIA_PACIFIC,
        zone="Asia/Singapore",
        region="asia",
        maximum=26,
        days=2,
        instructors=(CONTRACT_INSTRUCTOR,),
    ),
    Plan(
        week=-36,
        course="cloud-engineer-1",
        organization=ACADEMY,
        zone="America/Chicago",
        region="americas",
        maximum=24,
    ),
    Plan(
        week=-33,
        course="incident-response",
        organization=EUROPE,
        zone="Europe/Berlin",
        region="europe",
        maximum=26,
        instructors=(CONTRACT_INSTRUCTOR,),
    ),
    Plan(
        week=-30,
        course="cloud-engineer-2",
        organization=ACADEMY,
        zone="America/Chicago",
        region="americas",
        maximum=24,
    ),
    Plan(
        week=-27,
        course="containers-in-practice",
        organization=ASIA_PACIFIC,
        zone="Asia/Tokyo",
        region="asia",
        maximum=30,
        days=2,
        instructors=(CONTRACT_INSTRUCTOR,),
    ),
    Plan(
        week=-24,
        course="data-pipelines",
        organization=ACADEMY,
        zone="America/Sao_Paulo",
        region="americas",
        maximum=24,
    ),
    Plan(
        week=-21,
        course="privacy-by-design",
        organization=EUROPE,
        zone="Europe/Paris",
        region="europe",
        maximum=30,
        days=2,
        instructors=(CONTRACT_INSTRUCTOR,),
    ),
    Plan(
        week=-18,
        course="cloud-foundations",
        organization=ACADEMY,
        zone="Africa/Lagos",
        region="europe",
        maximum=32,
        instructors=(INSTRUCTOR, CONTRACT_INSTRUCTOR),
    ),
    Plan(
        week=-15,
        course="secure-coding-foundations",
        organization=ACADEMY,
        zone="America/Los_Angeles",
        region="americas",
        maximum=24,
    ),
    Plan(
        week=-12,
        course="threat-hunting",
        organization=EUROPE,
        zone="Europe/Athens",
        region="europe",
        maximum=24,
        minimum=12,
        instructors=(CONTRACT_INSTRUCTOR,),
        status="cancelled",
    ),
    Plan(
        week=-9,
        course="cloud-engineer-3",
        organization=ACADEMY,
        zone="America/Chicago",
        region="americas",
        maximum=24,
    ),
    Plan(
        week=-6,
        course="edge-services",
        organization=ASIA_PACIFIC,
        zone="Asia/Kolkata",
        region="asia",
        maximum=32,
        days=2,
        instructors=(CONTRACT_INSTRUCTOR,),
    ),
    Plan(
        week=-3,
        course="security-operations-essentials",
        organization=ACADEMY,
        zone="America/New_York",
        region="americas",
        maximum=30,
        days=4,
        instructors=(INSTRUCTOR, CONTRACT_INSTRUCTOR),
    ),
    # Running, whatever day of the week today is.
    Plan(
        week=-2,
        course="digital-forensics",
        organization=ASIA_PACIFIC,
        zone="Asia/Seoul",
        region="asia",
        maximum=24,
        weeks=4,
        instructors=(CONTRACT_INSTRUCTOR,),
        status="guaranteed",
    ),
    Plan(
        week=-1,
        course="cloud-engineer-4",
        organization=ACADEMY,
        zone="Europe/Berlin",
        region="europe",
        maximum=28,
        weeks=3,
        status="guaranteed",
    ),
    Plan(
        week=-1,
        course="cloud-foundations",
        organization=EUROPE,
        zone="Europe/Istanbul",
        region="europe",
        maximum=26,
        weeks=3,
        instructors=(CONTRACT_INSTRUCTOR,),
        status="scheduled",
    ),
    # To come.
    Plan(
        week=1,
        course="incident-response",
        organization=ACADEMY,
        zone="Europe/London",
        region="europe",
        maximum=24,
        status="guaranteed",
    ),
    Plan(
        week=2,
        course="cloud-foundations",
        organization=ACADEMY,
        zone="Asia/Bangkok",
        region="asia",
        maximum=30,
        instructors=(CONTRACT_INSTRUCTOR,),
        status="scheduled",
    ),
    Plan(
        week=4,
        course="network-routing",
        organization=EUROPE,
        zone="Europe/Warsaw",
        region="europe",
        maximum=22,
        instructors=(CONTRACT_INSTRUCTOR,),
        status="scheduled",
    ),
    Plan(
        week=6,
        course="infrastructure-as-code",
        organization=ASIA_PACIFIC,
        zone="Pacific/Auckland",
        region="asia",
        maximum=20,
        instructors=(),
        status="scheduled",
    ),
    Plan(
        week=9,
        course="site-reliability",
        organization=ACADEMY,
        zone="America/Denver",
        region="americas",
        maximum=20,
        status="tentative",
    ),
    Plan(
        week=12,
        course="cluster-operations",
        organization=EUROPE,
        zone="Europe/Kyiv",
        region="europe",
        maximum=20,
        instructors=(),
        status="requested",
    ),
)
