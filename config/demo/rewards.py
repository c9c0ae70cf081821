"""What the demo gives: two provider accounts, their badges, and achievements over the documented examples.

The texts in `conditions` are the examples of the rule language exactly as administrators found them in its
documentation, spelling included, so that the demo also shows that they are read.
"""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from config.demo.catalogue import ACADEMY, ASIA_PACIFIC, EUROPE
from config.demo.entities import Achievement, Badge, BadgeProvider

PROVIDER_ORGANIZATION_ID = "5d0f3c52-7a41-4f0e-9b57-2f6f0a4c8e11"
ISSUER_ID = "4200"
TOKEN_ENV = "DEMO_PROVIDER_TOKEN"  # noqa: S105 - the name of a variable, not a token


def template_id(slug: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"https://demo.example/badge-templates/{slug}"))


# slug, name, what it takes
_TEMPLATE_ROWS = (
    ("first-launch", "First Launch", "Launched a first lab at the academy."),
    ("busy-day", "Hat Trick", "Launched three labs within one day."),
    ("hundred-points", "Rising Learner", "Collected 100 points."),
    ("five-hundred-points", "Distinguished Learner", "Collected 500 points."),
    (
        "cloud-foundations",
        "Cloud Foundations",
        "Completed Cloud Foundations, or its capstone: a service in three tiers.",
    ),
    (
        "cloud-engineer",
        "Cloud Engineer",
        "Completed the four Cloud Engineer courses and passed the final exam.",
    ),
    (
        "alert-handler",
        "Alert Handler",
        "Worked on the alert queue and took on the security operations exam.",
    ),
    (
        "security-generalist",
        "Security Generalist",
        "Completed three security courses.",
    ),
    (
        "security-operations-analyst",
        "Security Operations Analyst",
        "Passed the practical exam in security operations.",
    ),
    (
        "security-operations-responder",
        "Security Operations Responder",
        "Completed hands-on response work and passed the practical exam in security operations.",
    ),
    (
        "data-pipelines",
        "Data Pipelines Practitioner",
        "Passed the practical exam in data pipelines.",
    ),
    ("community-mentor", "Community Mentor", "Helped other learners for at least three months."),
    ("guest-speaker", "Guest Speaker", "Gave a talk to a class of the academy."),
    ("lab-tester", "Lab Tester", "Tested a new lab before its release and reported what was found."),
    (
        "cloud-foundations-first-edition",
        "Cloud Foundations (First Edition)",
        "Completed the first edition of Cloud Foundations, which is no longer taught.",
    ),
)
# The branch in Europe issues through Accredible: slug, number of the group, name, what it takes
_GROUP_ROWS = (
    ("europe-first-launch", "4201", "Welcome to Brackenfold Europe", "Launched a first lab in Europe."),
    ("workshop-attendance", "4202", "Workshop Attendance", "Took part in a workshop of the branch."),
    ("study-circle", "4203", "Study Circle", "Met with a study circle for a season."),
)
_ARCHIVED = {"cloud-foundations-first-edition"}
_BY_HAND = {
    "cloud-foundations",
    "security-operations-analyst",
    "community-mentor",
    "guest-speaker",
    "lab-tester",
    "workshop-attendance",
    "study-circle",
}

TEMPLATES: list[dict[str, str]] = [
    {"id": template_id(slug), "name": name, "description": description}
    for slug, name, description in _TEMPLATE_ROWS
]


GROUPS: list[dict[str, str]] = [
    {"id": number, "name": name, "description": description}
    for _slug, number, name, description in _GROUP_ROWS
]


def sandbox_templates() -> list[dict[str, Any]]:
    """What the sandbox is to know: the templates as Credly would list them, one of them archived, and the
    groups of Accredible."""
    archived = {template_id(slug) for slug in _ARCHIVED}
    templates = [
        {
            "organization_id": PROVIDER_ORGANIZATION_ID,
            "organization_name": ACADEMY.name,
            **template,
            "state": "archived" if template["id"] in archived else "active",
        }
        for template in TEMPLATES
    ]
    groups = [
        {"organization_id": ISSUER_ID, "organization_name": EUROPE.name, "provider": "accredible", **group}
        for group in GROUPS
    ]
    return [*templates, *groups]


def credly(*, api_url: str) -> BadgeProvider:
    return BadgeProvider(
        external_id="provider-brackenfold-credly",
        name="Brackenfold-Credly",
        organization=ACADEMY,
        type="credly",
        provider_organization_id=PROVIDER_ORGANIZATION_ID,
        api_url=api_url,
        token_env=TOKEN_ENV,
    )


def accredible(*, api_url: str) -> BadgeProvider:
    return BadgeProvider(
        external_id="provider-brackenfold-europe-accredible",
        name="Brackenfold Europe-Accredible",
        organization=EUROPE,
        type="accredible",
        provider_organization_id=ISSUER_ID,
        api_url=api_url,
        token_env=TOKEN_ENV,
    )


def badges(*, credly: BadgeProvider, accredible: BadgeProvider) -> dict[str, Badge]:
    rows = [
        *((credly, slug, template_id(slug), name, text) for slug, name, text in _TEMPLATE_ROWS),
        *((accredible, slug, number, name, text) for slug, number, name, text in _GROUP_ROWS),
    ]
    return {
        slug: Badge(
            external_id=f"badge-{slug}",
            name=name,
            organization=provider.organization,
            badge_provider=provider,
            template_id=template,
            description=description,
            enable_manual_issuance=slug in _BY_HAND,
            is_active=slug not in _ARCHIVED,
        )
        for provider, slug, template, name, description in rows
    }


def achievements(badge: dict[str, Badge]) -> list[Achievement]:
    return [*_of_training(badge), *_of_courses(), *_of_the_community(), *_of_engagement()]


def _of_courses() -> list[Achievement]:
    """The way into learning: a lesson, a module, a course, day after day."""
    return [
        Achievement(
            external_id="achievement-first-lesson",
            name="First Lesson",
            description="Finish your first lesson.",
            organization=ACADEMY,
            category="Courses",
            points=5,
            conditions='[{Subject:50, Kinds:["lesson_completed"], Count:1}]',
        ),
        Achievement(
            external_id="achievement-first-module",
            name="One Module Down",
            description="Complete a whole module of a course.",
            organization=ACADEMY,
            category="Courses",
            points=10,
            conditions='[{Subject:50, Kinds:["module_completed"], Count:1}]',
        ),
        Achievement(
            external_id="achievement-whole-course",
            name="From Start to Finish",
            description="Complete an entire course, whichever it is.",
            organization=ACADEMY,
            category="Courses",
            points=20,
            conditions="[{Subject:10, Count:1, Complete:True}]",
        ),
        Achievement(
            external_id="achievement-streak",
            name="Seven in a Row",
            description="Learn on seven days, one after the other.",
            organization=ACADEMY,
            category="Courses",
            points=30,
            conditions="[{Subject:60, Days:7}]",
        ),
    ]


def _of_the_community() -> list[Achievement]:
    """What people do for each other: distinct people count, and nobody is somebody else to herself."""
    return [
        Achievement(
            external_id="achievement-first-post",
            name="First Post",
            description="Publish your first post.",
            organization=ACADEMY,
            category="Community",
            points=5,
            conditions='[{Subject:50, Kinds:["post_published"], Count:1}]',
        ),
        Achievement(
            external_id="achievement-comments",
            name="In the Conversation",
            description="Comment in discussions ten times.",
            organization=ACADEMY,
            category="Community",
            points=10,
            conditions='[{Subject:50, Kinds:["comment_added"], Count:10}]',
        ),
        Achievement(
            external_id="achievement-helper",
            name="Helping Hand",
            description="Help three other learners.",
            organization=ACADEMY,
            category="Community",
            points=25,
            conditions='[{Subject:50, Kinds:["learner_helped"], Count:3, DistinctPeople:True}]',
        ),
        Achievement(
            external_id="achievement-reactions",
            name="Well Received",
            description="Five people like what you wrote.",
            organization=ACADEMY,
            category="Community",
            points=15,
            conditions='[{Subject:50, Kinds:["reaction_received"], Count:5, DistinctPeople:True}]',
        ),
    ]


def _of_engagement() -> list[Achievement]:
    return [
        Achievement(
            external_id="achievement-regular",
            name="Regular",
            description="Be here on 40 days.",
            organization=ACADEMY,
            category="Engagement",
            points=15,
            conditions='[{Subject:50, Kinds:["session"], Count:40}]',
        ),
    ]


def _of_training(badge: dict[str, Badge]) -> list[Achievement]:
    """The documented examples, and what the branches reward for themselves."""
    return [
        Achievement(
            external_id="achievement-first-launch",
            name="First Launch",
            description="Launch any lab.",
            organization=ACADEMY,
            category="Profile",
            points=10,
            badge=badge["first-launch"],
            conditions="[{Subject:0, Count:1}]",
        ),
        Achievement(
            external_id="achievement-security-pair",
            name="Alert Handler",
            description="Launch both the alert queue and the security operations exam.",
            organization=ACADEMY,
            category="Courses",
            points=40,
            badge=badge["alert-handler"],
            conditions="[{Subject:0, Count:2, LabProfileIds:[12345,23456], Distinct:True}]",
        ),
        Achievement(
            external_id="achievement-capstone",
            name="Three Tiers",
            description="Complete the capstone lab of Cloud Foundations.",
            organization=ACADEMY,
            category="Courses",
            points=40,
            badge=badge["cloud-foundations"],
            conditions="[{Subject:0, LabProfileIds:[98765], Count:1, Complete:True}]",
        ),
        Achievement(
            external_id="achievement-cloud-foundations",
            name="Cloud Foundations",
            description="Complete the course Cloud Foundations. Learners of our customers can earn this too.",
            organization=ACADEMY,
            category="Courses",
            points=75,
            badge=badge["cloud-foundations"],
            conditions="[{Subject:10, Count:1, CourseIds:[2345], Complete:True}]",
        ),
        Achievement(
            external_id="achievement-security-generalist",
            name="Security Generalist",
            description="Complete three courses that are tagged Security.",
            organization=ACADEMY,
            category="Courses",
            points=100,
            badge=badge["security-generalist"],
            conditions="[{Subject:20, Count:3, CourseTagIds:[59], Complete:True}]",
        ),
        Achievement(
            external_id="achievement-cloud-engineer",
            name="Cloud Engineer",
            description="Complete the four Cloud Engineer courses and pass the final exam.",
            organization=ACADEMY,
            category="Courses",
            points=200,
            badge=badge["cloud-engineer"],
            conditions=(
                "[ {Subject:20, Count:4, CourseIds:[ 1583,1584,1585,1586], Complete:True}, "
                "{Subject:0, LabProfileIds:[54671], Count:1, Passed:True} ]"
            ),
        ),
        Achievement(
            external_id="achievement-distinguished-learner",
            name="Distinguished Learner",
            description="Collect 500 points.",
            organization=ACADEMY,
            category="Community",
            points=100,
            badge=badge["five-hundred-points"],
            conditions="[{Subject:40, Points:500}]",
        ),
        Achievement(
            external_id="achievement-second-launch",
            name="Back for More",
            description="Launch labs twice.",
            organization=ACADEMY,
            category="Engagement",
            points=15,
            conditions="[{Subject:0,Count:2}]",
        ),
        Achievement(
            external_id="achievement-two-labs",
            name="Looking Around",
            description="Launch two different labs.",
            organization=ACADEMY,
            category="Engagement",
            points=20,
            enabled=False,
            conditions="[{Subject:0,Count:2,Distinct:true}]",
        ),
        Achievement(
            external_id="achievement-hat-trick",
            name="Hat Trick",
            description="Launch three labs within one day.",
            organization=ACADEMY,
            category="Engagement",
            points=30,
            badge=badge["busy-day"],
            conditions="[{Subject:0,Count:3,SingleDay:True}]",
        ),
        Achievement(
            external_id="achievement-exam-taken",
            name="Brave Enough",
            description="Complete the security operations exam, whatever the result.",
            organization=ACADEMY,
            category="Engagement",
            points=30,
            conditions="[{Subject:0,LabProfileIds:[12345],Complete:True}]",
        ),
        Achievement(
            external_id="achievement-data-pipelines",
            name="Data Pipelines Practitioner",
            description="Pass the practical exam in data pipelines.",
            organization=ACADEMY,
            category="Courses",
            points=80,
            badge=badge["data-pipelines"],
            is_global=True,
            conditions="[{Subject:0,LabProfileIds:[13578],Passed:True}]",
        ),
        Achievement(
            external_id="achievement-rising-learner",
            name="Rising Learner",
            description="Collect 100 points.",
            organization=ACADEMY,
            category="Community",
            points=25,
            badge=badge["hundred-points"],
            is_global=True,
            conditions="[{Subject:40,Points:100}]",
        ),
        Achievement(
            external_id="achievement-security-exam",
            name="Security Operations Analyst",
            description="Pass the practical exam in security operations.",
            organization=ACADEMY,
            category="Courses",
            points=80,
            badge=badge["security-operations-analyst"],
            is_global=True,
            conditions="[ { Subject:0, Count:1, Passed:true, LabProfileIds:[12345] } ]",
        ),
        Achievement(
            external_id="achievement-security-response",
            name="Security Operations Responder",
            description="Complete hands-on response work and pass the practical exam in security operations.",
            organization=ACADEMY,
            category="Courses",
            points=100,
            badge=badge["security-operations-responder"],
            conditions=(
                "[ { Subject:0, Count:1, Complete:true, Distinct:true, LabProfileIds: [11223,11224] }, "
                "{ Subject:0, Count:1, Passed:true, LabProfileIds: [12345] } ]"
            ),
        ),
        # The branches reward for themselves: Europe with badges of its own account, the other with points.
        Achievement(
            external_id="achievement-europe-first-launch",
            name="Welcome to Brackenfold Europe",
            description="Launch any lab.",
            organization=EUROPE,
            category="Profile",
            points=20,
            badge=badge["europe-first-launch"],
            conditions="[{Subject:0, Count:1}]",
        ),
        Achievement(
            external_id="achievement-asia-pacific-busy-day",
            name="A Day Well Spent",
            description="Launch three labs within one day.",
            organization=ASIA_PACIFIC,
            category="Engagement",
            points=40,
            conditions="[{Subject:0,Count:3,SingleDay:True}]",
        ),
    ]
