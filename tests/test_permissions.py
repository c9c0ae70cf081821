"""The permission table: method × URL × role → status.

A URL of the site that has no line here fails. A new page needs one line in TABLE: the name of its URL, what
its methods answer, and which rows of the world its address names. Methods that are not given are expected to
be refused. The back office follows one rule for all of its URLs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from achievements import backfill
from achievements.models import EarnedAchievement
from badges.models import IssuedBadge, IssuingAct, IssuingList, Synchronization
from badges.sharing import choices
from badges.status import Status
from tests.factories import (
    PAST,
    AchievementFactory,
    ActivityFactory,
    ActivityResultFactory,
    AdministratorFactory,
    BadgeFactory,
    ClassFactory,
    CourseActivityFactory,
    CourseAssignmentFactory,
    CourseFactory,
    CourseSectionFactory,
    CourseTagFactory,
    EnrollmentFactory,
    IssuedBadgeFactory,
    LabFactory,
    LabInstanceFactory,
    LearningPathFactory,
    OrganizationFactory,
    SubscriptionFactory,
    SubscriptionProfileFactory,
    UserFactory,
)
from tms.access import Role
from tms.models import Notification, ProfilePicture
from tms.notifying.choices import token_for

pytestmark = pytest.mark.django_db

# All rows of the world belong to one organization, and to its learner where they are somebody's.
# The instructors teach its class. `colleague` learns there too; `below`, `above` and `elsewhere` administer its child, its parent and another.
LEARNERS = ["learner", "colleague", "instructor", "contract_instructor"]
STAFF = ["administrator", "below", "above", "elsewhere", "superuser"]
ROLES = ["anonymous", *LEARNERS, *STAFF]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

# fmt: off
#               anon lear coll inst cont admi belo abov else supe
ALL =          "200  200  200  200  200  200  200  200  200  200"
NONE =         "405  405  405  405  405  405  405  405  405  405"
NOWHERE =      "404  404  404  404  404  404  404  404  404  404"

PAGE =         "302  200  200  200  200  200  200  200  200  200"
PAGE_ACT =     "302  302  302  302  302  302  302  302  302  302"
PAGE_OF_OWN =  "302  200  404  404  404  200  404  200  404  200"
PAGE_HOLDER =  "302  200  404  404  404  404  404  404  404  404"  # nobody acts in her place
PAGE_HOLDER_ACT="302 302  404  404  404  404  404  404  404  404"
PAGE_TEACH =   "302  404  404  200  200  200  404  200  404  200"
PAGE_TEACH_ACT="302  404  404  302  302  302  404  302  404  302"
PAGE_OF_ACTOR= "302  404  404  200  404  200  404  200  404  200"
PAGE_OF_ADMINISTRATOR_ACT = "302 404 404 404 404 302 404 302 404 302"
PAGE_ISSUE =   "302  404  404  404  404  302  404  302  404  302"
PAGE_ISSUE_ASK="302  404  404  404  404  200  404  200  404  200"
PAGE_LISTS =   "302  404  404  404  404  200  200  200  200  200"
PAGE_MAKER =   "302  404  404  404  404  302  404  404  404  404"  # what one's colleagues issued is theirs to change
PAGE_FIND =    "302  404  404  404  404  200  200  200  200  200"
NOWHERE_PAGE = "302  404  404  404  404  404  404  404  404  404"
PAGE_FIND_ACT= "302  404  404  404  404  302  302  302  302  302"
PAGE_NONE =    "302  405  405  405  405  405  405  405  405  405"
SIGN_IN =      "200  302  302  302  302  302  302  302  302  302"
SIGN_IN_NONE = "405  302  302  302  302  302  302  302  302  302"

API =          "401  200  200  200  200  200  200  200  200  200"
API_NONE =     "401  405  405  405  405  405  405  405  405  405"
API_LIST =     "401  403  403  403  403  200  200  200  200  200"
API_ROW =      "401  403  403  403  403  200  404  200  404  200"
API_OWN_ROW =  "401  200  404  404  404  200  404  200  404  200"
API_ROW_ASK =  "401  403  403  403  403  400  404  400  404  400"  # whom it is about is not said
API_ROW_CALL = "401  403  403  403  403  502  404  502  404  502"  # in these tests no provider answers
API_ROW_NOT =  "401  403  403  403  403  409  404  409  404  409"  # no provider has it
API_CREATE =   "401  403  403  403  403  400  400  400  400  400"  # the empty body, not the person, is refused
# fmt: on


@dataclass(frozen=True)
class Url:
    methods: dict[str, str]
    otherwise: str
    of: str = ""
    body: dict[str, Any] = field(default_factory=dict)

    def expected(self, method: str) -> dict[str, int]:
        statuses = self.methods.get(method, self.otherwise).split()
        return dict(zip(ROLES, map(int, statuses), strict=True))


def page(of: str = "", **methods: str) -> Url:
    return Url(methods, PAGE_NONE, of)


def machine(of: str = "", **methods: str) -> Url:
    """For whoever asks, signed in or not."""
    return Url(methods, NONE, of)


def api(of: str = "", body: dict[str, Any] | None = None, **methods: str) -> Url:
    return Url(methods, API_NONE, of, body or {})


TABLE: dict[str, Url] = {
    # Pages
    "choose-language": machine(POST=PAGE_ACT),
    "dashboard": page(GET=PAGE),
    "own-achievements": page(GET=PAGE, POST=PAGE_ACT),
    "user-achievements": page(of="learner", GET=PAGE_OF_OWN),
    "own-profile": page(GET=PAGE, POST=PAGE),  # the empty body leaves nothing to store, and it is asked again
    "own-picture": page(POST=PAGE),
    "member": page(of="learner", GET=PAGE_OF_OWN),
    "clear-profile": page(of="learner", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE_ASK),  # no reason is given
    "member-picture": page(of="learner picture", GET=PAGE_OF_OWN),
    "settings": page(GET=PAGE_FIND_ACT),
    "organization-settings": page(of="organization", GET=PAGE_ISSUE_ASK),
    "customization": page(of="organization", GET=PAGE_ISSUE_ASK),
    "gamification": page(of="organization", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE_ASK),
    "profile-layout": page(of="organization", GET=PAGE_ISSUE_ASK),
    "profile-card": page(of="organization card", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE_ASK),
    "full-achievements": page(of="learner", GET=PAGE_OF_OWN),
    "why-not-yet": page(of="learner achievement", GET=PAGE_OF_OWN),
    "create-achievement": page(GET=PAGE_LISTS, POST=PAGE_LISTS),
    "check-conditions": page(POST=PAGE_LISTS),
    "preview-achievement": page(POST=PAGE_LISTS),
    "choose-achievement-badge": page(GET=PAGE_LISTS, POST=PAGE_LISTS),
    "achievement": page(of="achievement", GET=PAGE_ISSUE_ASK),
    "choose-things": page(GET=NOWHERE_PAGE, POST=NOWHERE_PAGE),  # which things is not said
    "choose-source": page(of="source_kind", GET=PAGE_LISTS, POST=PAGE_LISTS),
    "look-at-everybody": page(of="achievement", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE),
    "backfill-progress": page(of="backfill", GET=PAGE_ISSUE, POST=PAGE_ISSUE),
    "edit-achievement": page(of="achievement", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE_ASK),
    "classes": page(GET=PAGE),
    "roster": page(of="training_class", GET=PAGE_TEACH, POST=PAGE_TEACH_ACT),
    "roster-export": page(of="training_class", GET=PAGE_TEACH),
    "issue-a-badge": page(of="enrolled", GET=PAGE_TEACH_ACT, POST=PAGE_TEACH),
    "transcript": page(of="learner", GET=PAGE_OF_OWN),
    "course-assignment": page(of="assignment", GET=PAGE_OF_OWN),
    "issue-a-badge-from-assignment": page(of="assignment", GET=PAGE_ISSUE, POST=PAGE_ISSUE_ASK),
    "roster-badges": page(of="training_class", GET=PAGE_TEACH),
    "issue-badges": page(of="training_class", GET=PAGE_TEACH, POST=PAGE_TEACH),
    "choose-badges": page(of="training_class", GET=PAGE_TEACH, POST=PAGE_TEACH),
    "choose-students": page(of="training_class", GET=PAGE_TEACH, POST=PAGE_TEACH),
    "remove-chosen": page(of="training_class", POST=PAGE_TEACH),
    "issuing-act": page(of="training_class roster_act", GET=PAGE_OF_ACTOR),
    "style-guide": page(GET=PAGE),
    "sign-in": Url({"GET": SIGN_IN, "POST": SIGN_IN, "PUT": SIGN_IN}, otherwise=SIGN_IN_NONE),
    "sign-out": page(POST=PAGE_ACT),
    "issue-from-list": page(GET=PAGE_LISTS, POST=PAGE_LISTS),
    "issuing-list": page(of="list", GET=PAGE_ISSUE_ASK, POST=PAGE_MAKER),
    "issuing-list-file": page(of="list", GET=PAGE_ISSUE_ASK),
    "undo-issuing-act": page(of="act", GET=PAGE_ISSUE_ASK, POST=PAGE_OF_ADMINISTRATOR_ACT),
    "search": page(GET=PAGE_FIND),
    "find-users": page(GET=PAGE_FIND),
    "find-organizations": page(GET=PAGE_FIND),
    "find-badge-providers": page(GET=PAGE_FIND),
    "find-badges": page(GET=PAGE_FIND),
    "find-issued-badges": page(GET=PAGE_FIND),
    "find-achievements": page(GET=PAGE_FIND),
    "find-audit": page(GET=PAGE_FIND),
    "find-badge-progress": page(GET=PAGE_FIND),
    "explain-progress": page(of="achievement learner", GET=PAGE_ISSUE_ASK),
    "issued-badge": page(of="issued", GET=PAGE_ISSUE_ASK),
    "share-badge": page(of="issued", GET=PAGE_HOLDER, POST=PAGE_HOLDER_ACT),
    "present-badge": page(of="issued", POST=PAGE_HOLDER_ACT),
    "own-shared-badge": page(of="shared", GET=PAGE_HOLDER_ACT),
    "shared-badge": machine(of="shared", GET=ALL),
    "shared-badge-card": machine(of="shared", GET=ALL),
    "shared-badge-image": machine(of="shared", GET=ALL),
    "act-on-issued-badge": page(of="failed verb", GET=PAGE_ISSUE_ASK, POST=PAGE_OF_ADMINISTRATOR_ACT),
    "act-on-issued-badges": page(POST=PAGE_FIND_ACT),
    "choose-for-filter": page(of="find_page find_filter", GET=PAGE_FIND, POST=PAGE_FIND),
    "saved-searches": page(of="find_page", GET=PAGE_FIND, POST=PAGE_FIND),
    "save-search": page(of="find_page", POST=PAGE_FIND),
    "create-badge-provider": page(GET=PAGE_LISTS, POST=PAGE_LISTS),
    "badge-provider": page(of="provider", GET=PAGE_ISSUE_ASK),
    "edit-badge-provider": page(of="provider", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE_ASK),
    "check-badge-provider": page(of="provider", POST=PAGE_OF_ADMINISTRATOR_ACT),
    "pause-badge-provider": page(of="provider", POST=PAGE_OF_ADMINISTRATOR_ACT),
    "resume-badge-provider": page(of="provider", POST=PAGE_OF_ADMINISTRATOR_ACT),
    "renew-webhook-address": page(of="provider", POST=PAGE_OF_ADMINISTRATOR_ACT),
    "sync-badge-provider": page(of="provider", POST=PAGE_OF_ADMINISTRATOR_ACT),
    "compare-badge-provider": page(of="provider", POST=PAGE_OF_ADMINISTRATOR_ACT),
    "synchronization": page(of="provider synchronization", GET=PAGE_ISSUE_ASK),
    "create-badge": page(GET=PAGE_LISTS, POST=PAGE_LISTS),
    "choose-badge-provider": page(GET=PAGE_LISTS, POST=PAGE_LISTS),
    "choose-template": page(GET=PAGE_LISTS, POST=PAGE_LISTS),
    "badge": page(of="badge", GET=PAGE_ISSUE_ASK),
    "edit-badge": page(of="badge", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE_ASK),
    "activate-badge": page(of="badge", GET=PAGE_ISSUE_ASK, POST=PAGE_OF_ADMINISTRATOR_ACT),
    "deactivate-badge": page(of="badge", POST=PAGE_OF_ADMINISTRATOR_ACT),
    "user": page(of="learner", GET=PAGE_ISSUE_ASK),
    "close-own-account": page(GET=PAGE, POST=PAGE),  # nothing is typed
    "create-user": page(GET=PAGE_LISTS, POST=PAGE_LISTS),
    "close-user": page(of="learner", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE_ASK),  # nothing is typed
    "edit-user": page(of="learner", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE_ASK),
    "organization": page(of="organization", GET=PAGE_ISSUE_ASK),
    "create-organization": page(GET=PAGE_LISTS, POST=PAGE_LISTS),
    "edit-organization": page(of="organization", GET=PAGE_ISSUE_ASK, POST=PAGE_ISSUE_ASK),
    "notifications": page(GET=PAGE, POST=PAGE_ACT),
    "open-notification": page(of="notification", GET=PAGE_HOLDER_ACT),
    "notification-settings": page(GET=PAGE, POST=PAGE_ACT),
    # The link of a mail, which is opened by whoever has it.
    "unsubscribe": machine(of="token", GET=ALL, POST=ALL),
    # What machines ask
    "healthz": machine(GET=ALL),
    "readyz": machine(GET=ALL),
    "metrics": machine(GET=ALL),
    # What providers call: their secret opens it, and here nobody says one.
    "credly-webhook": machine(of="provider", POST=NOWHERE),
    # The API
    "api-docs": machine(GET=ALL),
    "api-schema": machine(GET=ALL),
    "api-unknown": machine(**dict.fromkeys(METHODS, NOWHERE)),
    "api-root": api(GET=API),
    "api-organization-list": api(GET=API_LIST, POST=API_CREATE),
    "api-organization-detail": api(of="organization", GET=API_ROW, PATCH=API_ROW),
    "api-user-list": api(GET=API, POST=API_CREATE),
    "api-user-detail": api(of="learner", GET=API_OWN_ROW, PATCH=API_ROW),
    "api-user-close": api(of="learner", POST=API_ROW, body={"reason": "Asked for"}),
    "api-user-achievements": api(of="learner", GET=API_OWN_ROW),
    "api-course-tag-list": api(GET=API_LIST, POST=API_CREATE),
    "api-course-tag-detail": api(of="tag", GET=API_ROW, PATCH=API_ROW),
    "api-lab-list": api(GET=API_LIST, POST=API_CREATE),
    "api-lab-detail": api(of="lab", GET=API_ROW, PATCH=API_ROW),
    "api-course-list": api(GET=API_LIST, POST=API_CREATE),
    "api-course-detail": api(of="course", GET=API_ROW, PATCH=API_ROW),
    "api-course-section-list": api(GET=API_LIST, POST=API_CREATE),
    "api-course-section-detail": api(of="section", GET=API_ROW, PATCH=API_ROW),
    "api-course-activity-list": api(GET=API_LIST, POST=API_CREATE),
    "api-course-activity-detail": api(of="course_activity", GET=API_ROW, PATCH=API_ROW),
    "api-subscription-profile-list": api(GET=API_LIST, POST=API_CREATE),
    "api-subscription-profile-detail": api(of="profile", GET=API_ROW, PATCH=API_ROW),
    "api-subscription-list": api(GET=API, POST=API_CREATE),
    "api-subscription-detail": api(of="subscription", GET=API_OWN_ROW, PATCH=API_ROW),
    "api-learning-path-list": api(GET=API_LIST, POST=API_CREATE),
    "api-learning-path-detail": api(of="path", GET=API_ROW, PATCH=API_ROW),
    "api-class-list": api(GET=API_LIST, POST=API_CREATE),
    "api-class-detail": api(of="training_class", GET=API_ROW, PATCH=API_ROW),
    "api-enrollment-list": api(GET=API, POST=API_CREATE),
    "api-enrollment-detail": api(of="enrollment", GET=API_OWN_ROW, PATCH=API_ROW),
    "api-enrollment-completion-status": api(
        of="enrollment", POST=API_ROW, body={"completion_status": "complete"}
    ),
    "api-course-assignment-list": api(GET=API, POST=API_CREATE),
    "api-course-assignment-detail": api(of="assignment", GET=API_OWN_ROW, PATCH=API_ROW),
    "api-course-assignment-complete": api(of="assignment", POST=API_ROW),
    "api-lab-instance-list": api(GET=API, POST=API_CREATE),
    "api-lab-instance-detail": api(of="launch", GET=API_OWN_ROW, PATCH=API_ROW),
    "api-lab-instance-complete": api(of="launch", POST=API_ROW),
    "api-activity-result-list": api(GET=API, POST=API_CREATE),
    "api-activity-result-detail": api(of="result", GET=API_OWN_ROW, PATCH=API_ROW),
    "api-activity-result-complete": api(of="result", POST=API_ROW),
    "api-activity-list": api(GET=API, POST=API_CREATE),
    "api-activity-detail": api(of="activity", GET=API_OWN_ROW, PATCH=API_ROW),
    "api-badge-provider-list": api(GET=API_LIST, POST=API_CREATE),
    "api-badge-provider-detail": api(of="provider", GET=API_ROW, PATCH=API_ROW),
    "api-badge-provider-check": api(of="provider", POST=API_ROW),
    "api-badge-provider-sync": api(of="provider", POST=API_ROW_CALL),
    "api-badge-provider-pause": api(of="provider", POST=API_ROW, body={"reason": "No budget"}),
    "api-badge-provider-resume": api(of="provider", POST=API_ROW),
    "api-synchronization-list": api(GET=API_LIST),
    "api-synchronization-detail": api(of="synchronization", GET=API_ROW),
    "api-badge-list": api(GET=API_LIST, POST=API_CREATE),
    "api-badge-detail": api(of="badge", GET=API_ROW, PATCH=API_ROW),
    "api-achievement-list": api(GET=API_LIST, POST=API_CREATE),
    "api-achievement-detail": api(of="achievement", GET=API_ROW, PATCH=API_ROW),
    "api-achievement-preview": api(POST=API_CREATE),
    "api-achievement-explain": api(of="achievement", GET=API_ROW_ASK),
    "api-backfill-list": api(GET=API_LIST, POST=API_CREATE),
    "api-backfill-detail": api(of="backfill", GET=API_ROW),
    "api-backfill-preview": api(POST=API_CREATE),
    "api-backfill-pause": api(of="backfill", POST=API_ROW),
    "api-backfill-resume": api(of="paused", POST=API_ROW),
    "api-backfill-undo": api(of="backfill", POST=API_ROW, body={"reason": "By mistake"}),
    "api-earned-achievement-list": api(GET=API),
    "api-earned-achievement-detail": api(of="award", GET=API_OWN_ROW),
    "api-issued-badge-list": api(GET=API, POST=API_CREATE),
    "api-issued-badge-detail": api(of="issued", GET=API_OWN_ROW),
    "api-issued-badge-retry": api(of="failed", POST=API_ROW),
    "api-issued-badge-refresh": api(of="issued", POST=API_ROW_NOT),
    "api-issued-badge-revoke": api(of="issued", POST=API_ROW, body={"reason": "By mistake"}),
    "api-issued-badge-revoke-many": api(POST=API_CREATE),
    "api-issued-badge-cancel": api(of="failed", POST=API_ROW, body={"reason": "By mistake"}),
    "api-issued-badge-correct": api(of="issued", POST=API_ROW_NOT),
    "api-issued-badge-erase": api(of="issued", POST=API_ROW_NOT, body={"reason": "Asked for"}),
    "api-issuing-act-list": api(GET=API),
    "api-issuing-act-detail": api(of="act", GET=API_OWN_ROW),
    "api-issuing-act-undo": api(of="act", POST=API_ROW, body={"reason": "By mistake"}),
}
ONLY_WHILE_DEBUGGING = {"style-guide"}


@dataclass(frozen=True)
class World:
    people: dict[str, Any]
    rows: SimpleNamespace
    sessions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role, person in self.people.items():
            if person:
                client = Client()
                client.force_login(person)
                # The first page of a day is a visit, which is noted: not once more for each of all the rest.
                assert client.get(reverse("dashboard")).status_code == 200
                self.sessions[role] = client.cookies[settings.SESSION_COOKIE_NAME].value

    def ask(self, role: str, method: str, address: str, body: dict[str, Any] | None = None) -> Any:
        """One request of one role, without consequences for the next."""
        client = Client()
        if role in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[role]
        with transaction.atomic():
            answer = client.generic(method, address, json.dumps(body or {}), content_type="application/json")
            transaction.set_rollback(True)
        return answer


@pytest.fixture(scope="module")
def world(module_db: None) -> World:
    """One for all lines of the table, for no request leaves anything behind."""
    parent = OrganizationFactory.create()
    organization = OrganizationFactory.create(parent=parent)
    child = OrganizationFactory.create(parent=organization)
    other = OrganizationFactory.create()
    learner = UserFactory.create(organization=organization)
    course = CourseFactory.create(organization=organization)
    section = CourseSectionFactory.create(course=course)
    course_activity = CourseActivityFactory.create(section=section)
    assignment = CourseAssignmentFactory.create(user=learner, course=course)
    profile = SubscriptionProfileFactory.create(organization=organization)
    badge = BadgeFactory.create(organization=organization)
    achievement = AchievementFactory.create(organization=organization, badge=badge)
    instructor = UserFactory.create(organization=organization, roles=[Role.INSTRUCTOR])
    contract_instructor = UserFactory.create(organization=other, roles=[Role.CONTRACT_INSTRUCTOR])
    training_class = ClassFactory.create(course=course)
    training_class.instructors.set([instructor, contract_instructor])
    failed = IssuedBadgeFactory.create(
        badge=BadgeFactory.create(organization=organization), learner=learner, status=Status.FAILED
    )
    shared = IssuedBadgeFactory.create(learner=learner, status=Status.ACCEPTED)
    act = IssuingAct.objects.create(
        token=uuid4(), actor=learner, organization=organization, source_kind=IssuedBadge.Source.API
    )
    act.outcomes.create(position=1, badge=failed.badge, learner=learner, issued_badge=failed, code="queued")
    administrator = AdministratorFactory.create(organization=organization)
    issued_list = IssuingList.objects.create(
        actor=administrator, organization=organization, text="email\n", act=act
    )
    return World(
        people={
            "anonymous": None,
            "learner": learner,
            "colleague": UserFactory.create(organization=organization),
            "instructor": instructor,
            "contract_instructor": contract_instructor,
            "administrator": administrator,
            "below": AdministratorFactory.create(organization=child),
            "above": AdministratorFactory.create(organization=parent),
            "elsewhere": AdministratorFactory.create(organization=other),
            "superuser": UserFactory.create(organization=None, is_superuser=True),
        },
        rows=SimpleNamespace(
            organization=organization,
            learner=learner,
            lab=LabFactory.create(organization=organization),
            tag=CourseTagFactory.create(organization=organization),
            course=course,
            section=section,
            course_activity=course_activity,
            profile=profile,
            subscription=SubscriptionFactory.create(user=learner, subscription_profile=profile),
            path=LearningPathFactory.create(subscription_profile=profile),
            training_class=training_class,
            roster_act=IssuingAct.objects.create(
                token=uuid4(),
                actor=instructor,
                organization=organization,
                source_kind=IssuedBadge.Source.ROSTER,
                source_key=str(training_class.pk),
            ),
            enrollment=EnrollmentFactory.create(user=learner),
            enrolled=EnrollmentFactory.create(user=learner, training_class=training_class),
            assignment=assignment,
            launch=LabInstanceFactory.create(user=learner),
            result=ActivityResultFactory.create(
                course_activity=course_activity, course_assignment=assignment
            ),
            activity=ActivityFactory.create(user=learner),
            provider=badge.badge_provider,
            synchronization=Synchronization.objects.create(badge_provider=badge.badge_provider),
            badge=badge,
            achievement=achievement,
            backfill=backfill.start(achievement),
            paused=backfill.pause(backfill.start(AchievementFactory.create(organization=organization))),
            award=EarnedAchievement.objects.create(
                learner=learner,
                achievement=achievement,
                earned_at=PAST,
                earned_day=PAST.date(),
                points=10,
                rule_version=1,
            ),
            issued=IssuedBadgeFactory.create(badge=badge, learner=learner, status=Status.ISSUED),
            failed=failed,
            act=act,
            list=issued_list,
            shared=SimpleNamespace(pk=choices.publish(shared, actor=learner).public_id),
            picture=SimpleNamespace(pk=ProfilePicture.objects.create(user=learner, version="1").version),
            card=SimpleNamespace(pk="about"),
            notification=Notification.objects.create(user=learner, kind="achievement_earned", key=1),
            token=SimpleNamespace(pk=token_for(learner, about=["achievements"])),
            verb=SimpleNamespace(pk="retry"),
            source_kind=SimpleNamespace(pk="learning-path"),
            find_page=SimpleNamespace(pk="users"),
            find_filter=SimpleNamespace(pk="organization"),
        ),
    )


def names_of(resolver: URLResolver, space: str = "") -> Iterator[tuple[str, str | None, int]]:
    """(namespace, name, how many parts its address has) of every URL below `resolver`."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from names_of(entry, entry.namespace or space)
        else:
            yield space, entry.name, entry.pattern.regex.groups


def test_every_url_has_its_line_and_every_line_its_url() -> None:
    urls = {name for space, name, _parts in names_of(get_resolver()) if space != "admin"}

    assert urls - set(TABLE) == set()
    assert set(TABLE) - urls <= ONLY_WHILE_DEBUGGING


@pytest.mark.parametrize(
    "name", [name for name in TABLE if name in {url for _space, url, _parts in names_of(get_resolver())}]
)
def test_each_role_is_answered_as_the_table_says(world: World, name: str) -> None:
    url = TABLE[name]
    address = reverse(name, args=[getattr(world.rows, row).pk for row in url.of.split()])

    found = {
        method: {role: world.ask(role, method, address, url.body).status_code for role in ROLES}
        for method in METHODS
    }

    assert found == {method: url.expected(method) for method in METHODS}


# The back office


def back_office() -> list[tuple[str, int]]:
    return sorted(
        {
            (name, parts)
            for space, name, parts in names_of(get_resolver())
            if space == "admin" and name and name != "login"
        }
    )


def address_of(name: str, parts: int) -> str:
    if name == "app_list":
        return reverse("admin:app_list", args=["tms"])
    return reverse(f"admin:{name}", args=["1"] * parts)


@pytest.mark.parametrize("role", ["anonymous", *LEARNERS])
def test_the_back_office_sends_everybody_but_staff_to_sign_in(world: World, role: str) -> None:
    found = {
        (name, method): world.ask(role, method, address_of(name, parts)).status_code
        for name, parts in back_office()
        for method in ("GET", "POST")
    }

    assert found == dict.fromkeys(found, 302)


@pytest.mark.parametrize(
    "row", ["organization", "learner", "lab", "launch", "provider", "badge", "award", "act"]
)
def test_the_back_office_shows_staff_the_rows_they_reach(world: World, row: str) -> None:
    instance = getattr(world.rows, row)
    assert type(instance) in admin.site._registry
    address = reverse(f"admin:{instance._meta.label_lower.replace('.', '_')}_change", args=[instance.pk])

    found = {role: world.ask(role, "GET", address).status_code for role in STAFF}

    # Who does not reach a row is told that it does not exist, and sent back.
    assert found == {"administrator": 200, "below": 302, "above": 200, "elsewhere": 302, "superuser": 200}
