"""Exactly once, whatever dies when: workers killed with SIGKILL, answers of the provider lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from achievements.models import EarnedAchievement
from badges.models import IssuedBadge, IssuingEvent
from badges.status import Status
from tests.factories import (
    PAST,
    AchievementFactory,
    BadgeFactory,
    BadgeProviderFactory,
    LabFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.providers.conftest import CANARY, ORGANIZATION, REPEATABLE, SandboxProcess
from tests.services.conftest import until
from tests.services.crew import Crew
from tms import progress
from tms.models import Lab, LabInstance, Organization, User

pytestmark = pytest.mark.services

LEARNERS = 500
KILLS = 20
AT_ONCE = 300  # learners who finish before the first start; the others do between the kills
LATENCY_MS = 80
LONGEST_LIFE = 0.4  # seconds of work before a kill
SEED = 20_260_302


@dataclass(frozen=True, slots=True)
class Kill:
    """What the database held when the workers were dead."""

    after_ms: int
    waiting: int
    sending: int
    unknown: int
    issued: int


def test_five_hundred_badges_survive_twenty_kills_while_every_tenth_answer_is_lost(
    sandbox: SandboxProcess, crew: Crew
) -> None:
    """Learners finish a lab while workers evaluate, send and look up, and are killed again and again."""
    sandbox.order(latency_ms=LATENCY_MS, lost_response="10%")
    learners, lab = _learners_who_can_earn_a_badge(sandbox)
    moments = random.Random(SEED)
    kills = []
    arriving = (LEARNERS - AT_ONCE) // KILLS
    _finish(lab, learners[:AT_ONCE])
    for position in range(AT_ONCE, LEARNERS, arriving):
        _finish(lab, learners[position : position + arriving])
        kills.append(_let_live(crew, seconds=moments.uniform(0, LONGEST_LIFE)))
    assert len(kills) == KILLS
    assert sum(kill.sending > 0 for kill in kills) > KILLS / 2, "most kills are to hit badges in flight"
    assert kills[-1].issued < LEARNERS, "the last kill is to come before the end of the work"

    crew.start()
    until(lambda: _count(Status.ISSUED) == LEARNERS, "every badge is issued", explain=crew.log)
    crew.kill()

    received = sandbox.received()
    _show(kills, received["counts"]["requests"])
    assert received["duplicates"] == []
    assert received["counts"]["badges"] == LEARNERS
    at_the_provider = {badge["issuer_earner_id"]: badge["id"] for badge in received["badges"]}
    issued = IssuedBadge.objects.select_related("learner")
    assert {str(row.learner.earner_id): row.external_uuid for row in issued} == at_the_provider
    assert len(at_the_provider) == len(set(at_the_provider.values())) == LEARNERS
    assert issued.count() == EarnedAchievement.objects.count() == LEARNERS
    assert not issued.exclude(status=Status.ISSUED, external_state="pending", claim_token=None).exists()
    assert not IssuingEvent.objects.filter(to_status=Status.FAILED).exists()


def test_a_worker_that_is_told_to_end_writes_down_what_is_under_way(
    sandbox: SandboxProcess, crew: Crew
) -> None:
    sandbox.order(latency_ms=700)
    learners, lab = _learners_who_can_earn_a_badge(sandbox)
    _finish(lab, learners[:24])
    crew.start()
    until(lambda: _count(Status.SENDING) > 0, "something is being sent", explain=crew.log)
    crew.end()
    assert _count(Status.SENDING) == 0
    assert _count(Status.ISSUED) == sandbox.received()["counts"]["badges"] > 0


def _learners_who_can_earn_a_badge(sandbox: SandboxProcess) -> tuple[list[User], Lab]:
    organization: Organization = OrganizationFactory()
    account = BadgeProviderFactory(
        organization=organization,
        api_url=f"{sandbox.url}/v1",
        provider_organization_id=ORGANIZATION,
        token=CANARY,
    )
    # The provider issues this template to the same person as often as it is asked to.
    badge = BadgeFactory(organization=organization, badge_provider=account, template_id=REPEATABLE)
    AchievementFactory(
        organization=organization, badge=badge, conditions_text="[{Subject:0, Count:1, Complete:True}]"
    )
    learners = User.objects.bulk_create(UserFactory.build_batch(LEARNERS, organization=organization))
    return learners, LabFactory(organization=organization)


def _finish(lab: Lab, learners: list[User]) -> None:
    """As the importer stores facts: in bulk, with their records and changes (next: evaluation)."""
    launches = [
        LabInstance(user=learner, lab=lab, started_at=PAST, completed_at=PAST) for learner in learners
    ]
    for launch in launches:
        progress.prepare(launch, before=None)
    progress.store(launches)


def _let_live(crew: Crew, *, seconds: float) -> Kill:
    """Start the workers, let them get to work, and kill them so many seconds later."""
    before = IssuingEvent.objects.count()
    crew.start()
    until(lambda: IssuingEvent.objects.count() > before, "the workers get to work", explain=crew.log)
    time.sleep(seconds)
    crew.kill()
    return Kill(
        after_ms=round(seconds * 1000),
        waiting=_count(Status.QUEUED),
        sending=_count(Status.SENDING),
        unknown=_count(Status.UNKNOWN),
        issued=_count(Status.ISSUED),
    )


def _count(status: Status) -> int:
    return IssuedBadge.objects.filter(status=status).count()


def _show(kills: list[Kill], requests: dict[str, int]) -> None:
    """What happened, for whoever runs pytest with -s."""
    print(f"\n{'kill':>4} {'after ms':>8} {'waiting':>8} {'in flight':>9} {'unknown':>8} {'issued':>7}")
    for number, kill in enumerate(kills, 1):
        print(
            f"{number:>4} {kill.after_ms:>8} {kill.waiting:>8} {kill.sending:>9} {kill.unknown:>8} {kill.issued:>7}"
        )
    moves = IssuingEvent.objects.values_list("from_status", "to_status")
    print("moves:", ", ".join(f"{a} → {b} {n}" for (a, b), n in sorted(Counter(moves).items())))
    print("requests at the provider:", ", ".join(f"{name} {n}" for name, n in sorted(requests.items())))
