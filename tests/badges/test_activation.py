"""An inactive badge is ignored while achievements are processed; a badge becomes active on a live template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from achievements import evaluation, intents
from achievements.models import EarnedAchievement
from badges.activation import look, needs_look
from badges.catalogue import save_badge, set_active
from badges.delivery import deliver
from badges.issuing import issue
from badges.models import Badge, IssuedBadge
from badges.status import HELD_BADGE_INACTIVE, Status
from badges.sweeping import sweep
from badges.synchronization import synchronize
from providers.models import BadgeProvider
from tests.badges.conftest import timeline
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    LabInstanceFactory,
    UserFactory,
)
from tests.providers.paper import Paper, on_paper, template_id
from tms.errors import DomainError, NotFound

pytestmark = pytest.mark.django_db
State = Badge.TemplateState


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper("Azure", "Kubernetes") as paper:
        yield paper


@pytest.fixture
def credly() -> BadgeProvider:
    made: BadgeProvider = BadgeProviderFactory()
    return made


def typed(account: BadgeProvider, name: str = "Azure", **given: Any) -> Badge:
    """As an administrator types it: nobody has asked the provider."""
    facts = {"name": name, "template_id": template_id(name), "is_active": False, **given}
    made: Badge = BadgeFactory(badge_provider=account, organization=account.organization, **facts)
    return made


def stored(badge: Badge) -> Badge:
    return Badge.objects.get(pk=badge.pk)


def refusal(badge: Badge) -> DomainError:
    with pytest.raises(DomainError) as refused:
        set_active(badge, active=True, actor=None)
    assert not stored(badge).is_active
    return refused.value


# --- Ignored during processing ------------------------------------------------------------------------------


def test_what_is_earned_while_the_badge_is_inactive_is_issued_when_it_is_activated(
    sandbox: Any, badge: Badge
) -> None:
    set_active(badge, active=False, actor=None)
    learner = UserFactory(organization=badge.organization)
    AchievementFactory(organization=badge.organization, badge=badge)
    LabInstanceFactory(user=learner)

    evaluation.award_changes()
    intents.issue_earned()
    assert EarnedAchievement.objects.get().issued_badge is None
    assert not IssuedBadge.objects.exists()
    (outcome,) = issue(badge, [learner], actor=None, source=IssuedBadge.Source.API)
    assert (outcome.code, outcome.message) == ("inactive_badge", "This badge is not active.")

    assert set_active(stored(badge), active=True, actor=None) is not None
    intents.issue_earned()
    deliver()

    row = IssuedBadge.objects.get()
    assert (row.status, row.learner, EarnedAchievement.objects.get().issued_badge) == (
        Status.ISSUED,
        learner,
        row,
    )
    assert [there["recipient_email"] for there in sandbox.badges()] == [learner.email]


def test_what_waits_is_held_at_once_says_why_and_goes_on_when_the_badge_is_active_again(
    sandbox: Any, badge: Badge
) -> None:
    admin = AdministratorFactory(organization=badge.organization)
    row = IssuedBadgeFactory(badge=badge)

    set_active(badge, active=False, actor=admin)

    row.refresh_from_db()
    assert (row.status, row.hold_reason) == (Status.HELD, HELD_BADGE_INACTIVE)
    assert str(row.issued_status) == "Waiting: the badge is not active"
    assert row.events.get().actor == admin
    assert deliver() == 0
    set_active(stored(badge), active=True, actor=admin)
    sweep()
    deliver()
    row.refresh_from_db()
    assert row.status == Status.ISSUED
    assert timeline(row) == ["queued → held", "held → queued", "queued → sending", "sending → issued"]


def test_activating_asks_for_what_was_earned_after_the_badge_is_stored(
    paper: Paper, credly: BadgeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("badges.catalogue.hint", sent.append)
    badge = typed(credly)

    set_active(badge, active=True, actor=None)
    assert sorted(sent) == ["achievements.issue_earned", "badges.sweep"]
    set_active(stored(badge), active=False, actor=None)
    assert len(sent) == 2


# --- Only on a live template --------------------------------------------------------------------------------


def test_a_template_that_nobody_saw_is_looked_up(paper: Paper, credly: BadgeProvider) -> None:
    badge = typed(credly)

    seen = set_active(badge, active=True, actor=None)

    assert seen is not None
    assert (seen.state, seen.problem) == (State.LIVE, "")
    assert (stored(badge).is_active, stored(badge).template_state) == (True, State.LIVE)
    assert len(paper.asked) == 1


def test_one_that_synchronization_saw_alive_is_not_asked_about_again(
    paper: Paper, credly: BadgeProvider
) -> None:
    synchronize(credly)
    paper.asked.clear()

    assert set_active(Badge.objects.get(name="Azure"), active=True, actor=None) is None

    assert paper.asked == []
    assert Badge.objects.get(name="Azure").is_active


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("archived", "The template is not active at Credly (archived), so the badge cannot be either."),
        ("draft", "The template is not active at Credly (draft), so the badge cannot be either."),
    ],
)
def test_an_archived_template_or_a_draft_cannot_be_activated(
    paper: Paper, credly: BadgeProvider, state: str, sentence: str
) -> None:
    paper.change("Azure", state=state)
    badge = typed(credly)

    refused = refusal(badge)

    assert (refused.code, refused.message) == ("template_not_live", sentence)
    assert refused.fields == {"is_active": [sentence]}


def test_a_template_that_does_not_exist_cannot_be_activated(paper: Paper, credly: BadgeProvider) -> None:
    refused = refusal(typed(credly, template_id="mistyped"))

    assert refused.message == (
        "Credly has no template mistyped in this account, so the badge cannot be active."
    )


def test_a_template_that_came_back_is_activated_without_another_synchronization(
    paper: Paper, credly: BadgeProvider
) -> None:
    paper.change("Azure", state="archived")
    badge = typed(credly)
    synchronize(credly)
    assert stored(badge).template_state == State.ARCHIVED
    paper.change("Azure", state="active")

    set_active(stored(badge), active=True, actor=None)

    assert (stored(badge).is_active, stored(badge).template_state) == (True, State.LIVE)


def test_an_unseen_template_is_let_pass_while_the_provider_does_not_answer(
    paper: Paper, credly: BadgeProvider
) -> None:
    paper.refuse = 503
    badge = typed(credly)

    seen = set_active(badge, active=True, actor=None)

    assert seen is not None
    assert "did not answer properly (503)" in seen.problem
    assert (stored(badge).is_active, stored(badge).template_state) == (True, State.UNSEEN)


def test_a_template_known_to_be_archived_is_not_let_pass_then(paper: Paper, credly: BadgeProvider) -> None:
    paper.change("Azure", state="archived")
    badge = typed(credly)
    synchronize(credly)
    paper.refuse = 503

    refused = refusal(stored(badge))

    assert refused.code == "template_not_live"
    assert "It was to be asked again:" in refused.message


def test_a_disabled_account_is_not_asked(paper: Paper, credly: BadgeProvider) -> None:
    badge = typed(credly)
    BadgeProvider.objects.update(is_enabled=False)

    assert refusal(stored(badge)).code == "provider_disabled"
    assert paper.asked == []


def test_an_active_badge_is_edited_without_asking_the_provider(paper: Paper, credly: BadgeProvider) -> None:
    badge = typed(credly, is_active=True)
    badge.name = "Renamed"

    assert not needs_look(badge)
    save_badge(badge)
    badge.template_id = template_id("Kubernetes")
    assert needs_look(badge)


def test_of_another_template_nothing_has_been_seen_yet(paper: Paper, credly: BadgeProvider) -> None:
    synchronize(credly)
    badge = Badge.objects.get(name="Azure")
    seen_of_the_old = look(badge)
    badge.template_id = "mistyped"
    badge.is_active = True

    save_badge(badge, seen=seen_of_the_old)

    after = stored(badge)
    assert (after.template_state, after.template_url, after.synchronized_at) == (State.UNSEEN, "", None)


def test_a_form_opened_earlier_does_not_undo_what_synchronization_saw(
    paper: Paper, credly: BadgeProvider
) -> None:
    badge = typed(credly)
    opened = stored(badge)
    paper.change("Azure", allow_duplicate_badges=True)
    synchronize(credly)
    opened.enable_manual_issuance = True

    save_badge(opened)

    after = stored(badge)
    assert (after.template_state, after.allows_duplicates) == (State.LIVE, True)
    assert after.synchronized_at is not None


def test_only_administrators_activate_and_the_provider_is_not_asked_for_others(
    paper: Paper, credly: BadgeProvider
) -> None:
    badge = typed(credly)
    for stranger in (AdministratorFactory(), UserFactory(organization=credly.organization)):
        with pytest.raises(NotFound):
            set_active(badge, active=True, actor=stranger)
    assert paper.asked == []


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_provider_is_asked(paper: Paper, credly: BadgeProvider) -> None:
    seen: list[bool] = []
    paper.before_answer = lambda: seen.append(connection.in_atomic_block)

    set_active(typed(credly), active=True, actor=None)

    assert seen == [False]
