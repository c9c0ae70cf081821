"""The same work by several processes at the same moment: done once, done completely."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.db.models import Count, Sum

from achievements.backfill import award_due
from achievements.models import EarnedAchievement
from badges.models import ActOutcome, Badge, IssuedBadge, IssuingAct
from badges.status import Status
from tests.factories import (
    PAST,
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    LabFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.providers.conftest import CANARY, ORGANIZATION, REPEATABLE, SandboxProcess
from tests.services.conftest import race
from tms import progress
from tms.models import LabInstance, Notification, Organization, ProgressChange, User

pytestmark = pytest.mark.services

PROCESSES = 4


def test_evaluations_at_the_same_time_award_and_issue_once_and_miss_nothing(
    environment: dict[str, str],
) -> None:
    """Changes of one learner fall into the chunks of different processes, and points build on points."""
    organization = OrganizationFactory()
    badge = BadgeFactory(organization=organization)
    rules = {
        "one lab": ("[{Subject:0, Count:1}]", 10),
        "two labs": ("[{Subject:0, Count:2}]", 20),
        "three labs": ("[{Subject:0, Count:3}]", 30),
        "sixty points": ("[{Subject:40, Points:60}]", 40),
        "a hundred points": ("[{Subject:40, Points:100}]", 0),
    }
    for name, (conditions, points) in rules.items():
        AchievementFactory(
            organization=organization, name=name, conditions_text=conditions, points=points, badge=badge
        )
    learners = _learners(200, organization=organization)
    for _number in range(3):
        _launch_a_lab(learners, organization=organization)

    preparation = (
        "from achievements import evaluation; from achievements.evaluation import passes; passes.CHUNK = 7"
    )
    awards = race([(preparation, "evaluation.award_changes().awards")] * PROCESSES, environment=environment)

    assert sum(awards) == EarnedAchievement.objects.count() == len(learners) * len(rules)
    assert sum(count > 0 for count in awards) > 1, "the processes are to share the work"
    totals = EarnedAchievement.objects.values("learner").annotate(points=Sum("points"), rows=Count("pk"))
    assert {(row["points"], row["rows"]) for row in totals} == {(100, len(rules))}
    assert IssuedBadge.objects.count() == len(learners)
    assert Notification.objects.count() == len(learners) * len(rules)
    assert not EarnedAchievement.objects.filter(issued_badge=None).exists()
    assert not ProgressChange.objects.exists()


def test_rules_evaluated_at_the_same_time_by_different_processes_add_up_to_points(
    environment: dict[str, str],
) -> None:
    """Neither process alone sees enough points; whoever comes second has to see the awards of both."""
    organization = OrganizationFactory()
    halves = AchievementFactory.create_batch(2, organization=organization, points=50)
    whole = AchievementFactory(organization=organization, conditions_text="[{Subject:40, Points:100}]")
    learners = _learners(200, organization=organization)
    _launch_a_lab(learners, organization=organization)
    preparation = (
        "from achievements import evaluation; from achievements.evaluation import passes; passes.CHUNK = 2"
    )
    race(
        [(preparation, f"evaluation.award_full(only={{{half.pk}}}).awards") for half in halves],
        environment=environment,
    )

    assert EarnedAchievement.objects.filter(achievement__in=halves).count() == 2 * len(learners)
    assert EarnedAchievement.objects.filter(achievement=whole).count() == len(learners)


def test_an_achievement_for_ten_is_earned_by_the_ten_earliest_of_eight_processes(
    environment: dict[str, str],
) -> None:
    """The changes wait in chunks of the latest first, so whoever counts alone gets it wrong."""
    organization = OrganizationFactory()
    achievement = AchievementFactory(
        organization=organization, frequency=10, frequency_type="per_achievement"
    )
    award_due()  # a new contest looks at everybody before anybody wins
    learners = _learners(120, organization=organization)
    lab = LabFactory(organization=organization)
    latest_first = [
        LabInstance(user=learner, lab=lab, started_at=PAST - timedelta(minutes=number))
        for number, learner in enumerate(learners)
    ]
    for launch in latest_first:
        progress.prepare(launch, before=None)
    progress.store(latest_first)

    preparation = (
        "from achievements import evaluation; from achievements.evaluation import passes; passes.CHUNK = 3"
    )
    race([(preparation, "evaluation.award_changes().awards")] * 8, environment=environment)

    earned = EarnedAchievement.objects.filter(achievement=achievement).order_by("-earned_at")
    assert [award.learner for award in earned] == learners[-10:]


def test_deliveries_at_the_same_time_send_each_badge_once(
    environment: dict[str, str], sandbox: SandboxProcess
) -> None:
    sandbox.order(latency_ms=10)
    badge = _badge_at(sandbox)
    learners = _learners(200, organization=badge.organization)
    IssuedBadge.objects.bulk_create(
        IssuedBadge(
            badge=badge,
            learner=learner,
            source_kind=IssuedBadge.Source.API,
            earned_at=PAST,
            recipient_email=learner.email,
        )
        for learner in learners
    )

    preparation = "from badges.delivery import deliver"
    sent = race([(preparation, "deliver()")] * PROCESSES, environment=environment)

    assert sum(sent) == len(learners)
    assert sum(count > 0 for count in sent) > 1, "the processes are to share the work"
    received = sandbox.received()
    assert received["counts"]["requests"] == {"POST 201": len(learners)}
    assert received["duplicates"] == []
    rows = IssuedBadge.objects.filter(status=Status.ISSUED, attempts=1)
    assert set(rows.values_list("external_uuid", flat=True)) == {row["id"] for row in received["badges"]}


def test_the_same_learners_issued_to_by_hand_at_the_same_time_get_one_badge_each(
    environment: dict[str, str],
) -> None:
    """Two instructors press the button for the same class; each sees it sorted another way."""
    badge = BadgeFactory()
    learners = _learners(50, organization=badge.organization)
    there, back = race(
        [(_BY_HAND.format(badge=badge.pk, order=order), _ISSUE) for order in ("pk", "-pk")],
        environment=environment,
    )

    assert IssuedBadge.objects.filter(badge=badge).count() == len(learners)
    outcomes = [sorted(pair) for pair in zip(there, reversed(back), strict=True)]
    assert outcomes == [["already_issued", "queued"]] * len(learners)


def test_an_achievement_and_a_hand_at_the_same_time_lead_to_one_badge_each(
    environment: dict[str, str],
) -> None:
    badge = BadgeFactory()
    AchievementFactory(organization=badge.organization, badge=badge)
    learners = _learners(300, organization=badge.organization)
    _launch_a_lab(learners, organization=badge.organization)
    evaluation = "from achievements.evaluation import award_changes"
    earned, by_hand = race(
        [(evaluation, "award_changes().intents"), (_BY_HAND.format(badge=badge.pk, order="-pk"), _ISSUE)],
        environment=environment,
    )

    assert EarnedAchievement.objects.filter(issued_badge__badge=badge).count() == len(learners)
    assert IssuedBadge.objects.count() == len(learners) == earned + by_hand.count("queued")


def test_one_act_that_is_asked_for_twice_at_once_is_one_act(environment: dict[str, str]) -> None:
    """A double click, or a page that is sent again while the first is still being written."""
    badges, learners, admin = _for_an_act()
    token = uuid4()

    acts = race(
        [(_preparation(badges, admin), _ACT.format(token=token))] * PROCESSES, environment=environment
    )

    assert {pk for pk, _codes in acts} == set(IssuingAct.objects.values_list("pk", flat=True))
    assert IssuingAct.objects.count() == 1
    assert {tuple(codes) for _pk, codes in acts} == {("queued",) * len(learners) * len(badges)}
    assert IssuedBadge.objects.count() == ActOutcome.objects.count() == len(learners) * len(badges)


def test_two_acts_for_the_same_pairs_at_once_issue_each_once_and_tell_the_other(
    environment: dict[str, str],
) -> None:
    badges, learners, admin = _for_an_act()

    acts = race(
        [(_preparation(badges, admin), _ACT.format(token=uuid4())) for _number in range(PROCESSES)],
        environment=environment,
    )

    codes = [code for _pk, codes in acts for code in codes]
    pairs = len(learners) * len(badges)
    assert IssuingAct.objects.count() == PROCESSES
    assert IssuedBadge.objects.count() == pairs == codes.count("queued")
    assert codes.count("already_issued") == pairs * (PROCESSES - 1)


def test_an_act_waits_for_no_row_that_a_worker_or_somebody_else_is_writing(
    environment: dict[str, str],
) -> None:
    badges, learners, admin = _for_an_act()
    sent, failed = (
        IssuedBadgeFactory(badge=badges[0], learner=learner, status=status)
        for learner, status in zip(learners, (Status.SENDING, Status.FAILED), strict=False)
    )
    patience = "\nconnection.cursor().execute(\"SET lock_timeout = '2s'\")"
    with transaction.atomic():
        IssuedBadge.objects.filter(pk__in=[sent.pk, failed.pk]).update(attempts=3)
        [[act, codes]] = race(
            [(_preparation(badges, admin) + patience, _ACT.format(token=uuid4()))], environment=environment
        )

    told = dict(ActOutcome.objects.filter(act=act).exclude(code="queued").values_list("learner", "code"))
    assert told == {sent.learner_id: "already_issued", failed.learner_id: "being_changed"}
    assert codes.count("queued") == len(learners) * len(badges) - 2


def _for_an_act() -> tuple[list[Badge], list[User], User]:
    organization = OrganizationFactory()
    badges = BadgeFactory.create_batch(2, organization=organization)
    admin = AdministratorFactory(organization=organization)
    return badges, [*_learners(100, organization=organization), admin], admin


def _preparation(badges: list[Badge], admin: User) -> str:
    return _TO_ACT.format(organization=badges[0].organization_id, admin=admin.pk)


_TO_ACT = """
from uuid import UUID
from badges.by_hand import issue_by_hand
from badges.models import Badge
from tms.models import User
badges = list(Badge.objects.filter(organization={organization}))
learners = list(User.objects.filter(organization={organization}))
admin = User.objects.get(pk={admin})
def act(token):
    done = issue_by_hand(badges, learners, actor=admin, source="roster", token=UUID(token))
    return done.pk, list(done.outcomes.values_list("code", flat=True))
"""
_ACT = "act('{token}')"
_BY_HAND = """
from badges.issuing import issue
from badges.models import Badge
from tms.models import User
badge = Badge.objects.get(pk={badge})
learners = list(User.objects.filter(organization=badge.organization).order_by("{order}"))
"""
_ISSUE = "[outcome.code for outcome in issue(badge, learners, actor=None, source='api')]"


def _learners(number: int, *, organization: Organization) -> list[User]:
    return User.objects.bulk_create(UserFactory.build_batch(number, organization=organization))


def _launch_a_lab(learners: list[User], *, organization: Organization) -> None:
    lab = LabFactory(organization=organization)
    launches = [LabInstance(user=learner, lab=lab, started_at=PAST) for learner in learners]
    for launch in launches:
        progress.prepare(launch, before=None)
    progress.store(launches)


def _badge_at(sandbox: SandboxProcess) -> Badge:
    """Of a template that the provider issues to the same person as often as it is asked to."""
    organization = OrganizationFactory()
    account = BadgeProviderFactory(
        organization=organization,
        api_url=f"{sandbox.url}/v1",
        provider_organization_id=ORGANIZATION,
        token=CANARY,
    )
    badge: Badge = BadgeFactory(organization=organization, badge_provider=account, template_id=REPEATABLE)
    return badge
