"""A class with students of two organizations, its badges, and whoever may issue them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from tests.badges.conftest import account, badge
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    ClassFactory,
    EnrollmentFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.providers.conftest import sandbox
from tms.access import Role
from tms.models import Class, Enrollment, Organization, User

__all__ = ["account", "badge", "sandbox"]


@dataclass
class Room:
    """`mine` are students of the class's organization, `guests` of another."""

    training_class: Class
    organization: Organization
    badges: list[Any]
    mine: list[Enrollment]
    guests: list[Enrollment]
    administrator: User
    instructor: User
    contract: User
    clients: dict[str, Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for who in ("administrator", "instructor", "contract"):
            self.clients[who] = Client()
            self.clients[who].force_login(getattr(self, who))

    @property
    def address(self) -> str:
        return f"/classes/{self.training_class.pk}/issue-badges/"

    def get(self, who: str, path: str = "") -> Any:
        return self.clients[who].get(self.address + path)

    def post(self, who: str, path: str = "", **given: Any) -> Any:
        return self.clients[who].post(self.address + path, given)

    def choose(self, who: str, *, badges: Any = None, students: Any = None) -> Any:
        """As the two dialogs do; what the last of them answers."""
        answer = None
        for path, rows in (("choose-badges/", badges), ("choose-students/", students)):
            if rows is not None:
                answer = self.post(who, path, chosen=[row.pk for row in rows], confirm="yes")
        return answer

    def issue(self, who: str, **given: Any) -> Any:
        page = self.get(who)
        return self.post(who, token=page.context["selection"].token, **given)


@pytest.fixture
def room(db: None) -> Room:
    organization, other = OrganizationFactory(name="Northwind"), OrganizationFactory(name="Southridge")
    provider = BadgeProviderFactory(organization=organization)
    training_class = ClassFactory(name="Cloud Class", course__organization=organization)
    badges = [
        BadgeFactory(name=name, organization=organization, badge_provider=provider)
        for name in ("Cloud Builder", "Anchor Hand")
    ]
    AchievementFactory(
        organization=organization,
        badge=badges[0],
        conditions_text=f"[{{Subject:10, Count:1, CourseIds:[{training_class.course_id}], Complete:True}}]",
    )

    def enroll(home: Organization, first: str, last: str) -> Enrollment:
        learner = UserFactory(organization=home, first_name=first, last_name=last)
        return EnrollmentFactory(user=learner, training_class=training_class)

    instructor = UserFactory(organization=organization, last_name="Instructor", roles=[Role.INSTRUCTOR])
    contract = UserFactory(organization=other, last_name="Contract", roles=[Role.CONTRACT_INSTRUCTOR])
    training_class.instructors.set([instructor, contract])
    return Room(
        training_class=training_class,
        organization=organization,
        badges=badges,
        mine=[enroll(organization, "Ada", "Lovelace"), enroll(organization, "Alan", "Turing")],
        guests=[enroll(other, "Grace", "Hopper")],
        administrator=AdministratorFactory(organization=organization, last_name="Administrator"),
        instructor=instructor,
        contract=contract,
    )
