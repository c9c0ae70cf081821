"""What the demo is made of: one class for each file of the folder, one attribute for each column.

A reference is the object itself, a list a tuple; how both are spelt in CSV is `folder`'s business.
Attributes that are no column steer the generator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(eq=False, kw_only=True)
class Entity:
    """People and activity get their `external_id` at the end, when they are numbered in order of time."""

    external_id: str = ""


@dataclass(eq=False, kw_only=True)
class Organization(Entity):
    name: str
    parent: Organization | None = None
    time_zone: str
    enable_achievements: bool = True
    participate_in_global_achievements: bool = True


@dataclass(eq=False, kw_only=True)
class User(Entity):
    email: str
    first_name: str
    last_name: str
    organization: Organization
    time_zone: str = ""
    participate_in_achievements: bool = True
    roles: tuple[str, ...] = ()
    is_disabled: bool = False

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone or self.organization.time_zone)


@dataclass(eq=False, kw_only=True)
class CourseTag(Entity):
    id: int | None = None
    name: str
    organization: Organization


@dataclass(eq=False, kw_only=True)
class Lab(Entity):
    id: int | None = None
    name: str
    organization: Organization
    is_exam: bool = False
    typical_minutes: int


@dataclass(eq=False, kw_only=True)
class Course(Entity):
    id: int | None = None
    name: str
    organization: Organization
    content_provider: str
    publishing_group: str
    tags: tuple[CourseTag, ...]
    labs: tuple[Lab, ...]
    achievements_for_outside_organizations: bool = False


@dataclass(eq=False, kw_only=True)
class Class(Entity):
    name: str
    course: Course
    organization: Organization
    starts_at: datetime
    ends_at: datetime
    status: str
    minimum: int
    maximum: int
    instructors: tuple[User, ...]


@dataclass(eq=False, kw_only=True)
class Enrollment(Entity):
    user: User
    class_: Class
    status: str
    completion_status: str = "unknown"
    enrolled_at: datetime
    completed_at: datetime | None = None


@dataclass(eq=False, kw_only=True)
class CourseAssignment(Entity):
    user: User
    course: Course
    started_at: datetime
    completed_at: datetime | None = None
    expires_at: datetime
    target_completion: datetime | None = None
    status: str = "active"
    from_on_demand: bool = False


@dataclass(eq=False, kw_only=True)
class LabInstance(Entity):
    user: User
    lab: Lab
    course_assignment: CourseAssignment | None = None
    enrollment: Enrollment | None = None
    started_at: datetime
    completed_at: datetime | None = None
    minutes: float = 0
    passed: bool | None = None
    score_percent: float | None = None
    status: str


@dataclass(eq=False, kw_only=True)
class Activity(Entity):
    """What somebody did besides; `other_user` is who was helped, or who reacted."""

    user: User
    kind: str
    occurred_at: datetime
    course: Course | None = None
    other_user: User | None = None


@dataclass(eq=False, kw_only=True)
class BadgeProvider(Entity):
    name: str
    organization: Organization
    type: str
    provider_organization_id: str
    api_url: str
    token_env: str


@dataclass(eq=False, kw_only=True)
class Badge(Entity):
    name: str
    organization: Organization
    badge_provider: BadgeProvider
    template_id: str
    description: str
    enable_manual_issuance: bool = False
    is_active: bool = True
    name_de: str = ""
    description_de: str = ""


@dataclass(eq=False, kw_only=True)
class Achievement(Entity):
    name: str
    description: str
    organization: Organization
    category: str
    points: int
    frequency: int = 1
    frequency_type: str = "per_user"
    badge: Badge | None = None
    is_global: bool = False
    enabled: bool = True
    conditions: str
    name_de: str = ""
    description_de: str = ""


@dataclass(kw_only=True)
class Demo:
    """Everything, under the names of the files."""

    organizations: list[Organization] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    course_tags: list[CourseTag] = field(default_factory=list)
    labs: list[Lab] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    enrollments: list[Enrollment] = field(default_factory=list)
    course_assignments: list[CourseAssignment] = field(default_factory=list)
    lab_instances: list[LabInstance] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    badge_providers: list[BadgeProvider] = field(default_factory=list)
    badges: list[Badge] = field(default_factory=list)
    achievements: list[Achievement] = field(default_factory=list)
