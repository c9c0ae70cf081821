"""Whose account was closed is named nowhere any more: neither here nor at a provider."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.utils import timezone
from rest_framework.authtoken.models import Token

from achievements import backfill, evaluation
from achievements.intents import issue_earned
from achievements.models import Begun, EarnedAchievement, Look
from achievements.progress.looks import look
from achievements.progress.working_out import work_out
from badges import errands, provider_events
from badges.delivery import deliver
from badges.forgetting import forget
from badges.issuing import issue
from badges.lifecycle import note
from badges.lists.acting import fingerprint, issue_list, keep
from badges.models import Badge, IssuedBadge
from badges.sharing import choices
from badges.status import Status
from badges.sweeping import sweep
from providers.base import OutcomeUnknown
from tests.badges.conftest import account, accredible_badge, badge
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    IssuedBadgeFactory,
    LabInstanceFactory,
    UserFactory,
)
from tests.providers.conftest import SandboxProcess, sandbox
from tms import gates, roles
from tms.access import Role
from tms.closing import close_account, consequences
from tms.members.profile import save_picture, save_profile
from tms.models import AuditEntry, LearningRecord, Mail, MailChoices, Notification, SavedSearch, User
from tms.notifying.gathering import gather

pytestmark = pytest.mark.django_db
__all__ = ["account", "accredible_badge", "badge", "sandbox"]

# Words that are found in nothing else.
NAME, FAMILY, EXTERNAL = "Zenobia", "Quartermain", "hr-998877"
EMAIL = "zenobia.quartermain@example.org"
BIO, LINK = "Collects barometers of every sort.", "https://github.com/zquartermain"


@pytest.fixture
def zenobia(badge: Badge, accredible_badge: Badge, sandbox: SandboxProcess, settings: Any) -> User:
    """A learner of whom everything is known that can be, with a badge of each vendor."""
    settings.MAIL_ENABLED = True
    person: User = UserFactory(
        organization=badge.organization,
        first_name=NAME,
        last_name=FAMILY,
        email=EMAIL,
        external_id=EXTERNAL,
        time_zone="Europe/Berlin",
        language="de",
    )
    admin = AdministratorFactory(organization=badge.organization)
    save_profile(person, bio=BIO, links=[LINK], shows=True)
    save_picture(person, b"a picture of her")
    AchievementFactory(organization=badge.organization, badge=badge)
    AchievementFactory(organization=badge.organization)
    AchievementFactory(organization=badge.organization, conditions_text="[{Count:9}]")
    LabInstanceFactory(
        user=person, started_at=timezone.now() - timedelta(minutes=9), completed_at=timezone.now()
    )
    evaluation.award_changes()
    accredible_badge.enable_manual_issuance, accredible_badge.organization = True, badge.organization
    accredible_badge.save()
    typed = keep(f"email,badge\n{EMAIL.upper()},{accredible_badge.name}\n{EMAIL},Nothing\n", actor=admin)
    issue_list(typed, actor=admin, seen=fingerprint(typed))
    failed = IssuedBadgeFactory(
        learner=person,
        badge__organization=badge.organization,
        status=Status.FAILED,
        failure_message=f"{EMAIL} is not valid.",
        provider_message=f"{EMAIL}: no such mailbox",
    )
    note(IssuedBadge.objects.filter(pk=failed.pk), reason=f"Not sent to {EMAIL}.", actor=None)
    deliver()
    by_hand = IssuedBadge.objects.get(badge=accredible_badge)
    look(person)
    work_out()
    choices.publish(by_hand, actor=person)
    gather(now=timezone.now() + timedelta(seconds=settings.NOTICE_WAIT_SECONDS))
    roles.assign(person, {Role.INSTRUCTOR: roles.PERMANENT}, actor=admin)
    MailChoices.objects.create(user=person, digest="daily")
    SavedSearch.objects.create(owner=person, page="find-issued-badges", name="Mine", query="student=1")
    Token.objects.create(user=person)
    LogEntry.objects.log_actions(admin.pk, [person], CHANGE, "Changed.", single_object=True)
    return person


def named_in_the_database() -> list[str]:
    """Tables with a word of hers."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            words = str(cursor.fetchall()).casefold()
            if any(word.casefold() in words for word in (NAME, FAMILY, EXTERNAL, EMAIL, BIO, LINK)):
                found.append(table)
    return found


def test_nothing_personal_is_left(zenobia: User, sandbox: SandboxProcess) -> None:
    owned = {Notification: "user", Mail: "user", MailChoices: "user", Look: "learner", Begun: "learner"}
    assert len(named_in_the_database()) > 3
    assert [model for model, name in owned.items() if not model.objects.filter(**{name: zenobia})] == []
    admin = AdministratorFactory(organization=zenobia.organization)

    close_account(zenobia, reason="Asked for in writing.", actor=admin)
    errands.run()
    provider_events.process()
    forget()

    assert named_in_the_database() == []
    received = sandbox.received()
    assert (received["badges"], received["credentials"]) == ([], [])
    assert [model for model, name in owned.items() if model.objects.filter(**{name: zenobia})] == []
    assert not zenobia.role_assignments.exists()
    assert not Token.objects.exists()


def test_what_was_done_and_earned_stays_as_the_record_of_nobody(zenobia: User) -> None:
    closed = close_account(zenobia, actor=zenobia)

    assert EarnedAchievement.objects.filter(learner=closed, withdrawn_at=None).count() == 2
    assert LearningRecord.objects.filter(learner=closed, subject=0).count() == 1
    assert str(closed) == f"Closed account {closed.pk}"
    assert not closed.is_active
    assert not closed.has_usable_password()
    entry = AuditEntry.objects.get(act="close")
    assert (entry.actor, entry.about, entry.kind, entry.reason) == (closed, closed, "user", "Own wish")


def test_it_is_told_before_what_it_comes_to(zenobia: User, badge: Badge) -> None:
    assert list(consequences(zenobia)) == [
        "1 badge that has not been sent is cancelled.",
        "1 badge is erased at Accredible, with the page that others may have seen.",
        "1 badge is erased at Credly, with the page that others may have seen.",
        "2 earned achievements stay as numbers, without a name.",
    ]


def test_nothing_reaches_a_closed_account(zenobia: User, badge: Badge, sandbox: SandboxProcess) -> None:
    late = Badge.objects.create(
        name="Late", organization=badge.organization, badge_provider=badge.badge_provider, template_id="late"
    )
    AchievementFactory(organization=badge.organization, badge=late)
    backfill.award_due()
    assert EarnedAchievement.objects.filter(learner=zenobia, achievement__badge=late).exists()
    closed = close_account(zenobia, actor=zenobia)
    asked = sandbox.received()["counts"]["requests"]

    Badge.objects.update(is_active=True, enable_manual_issuance=True)
    late.refresh_from_db()
    LabInstanceFactory(user=closed)
    evaluation.award_full()
    issue_earned()
    gates.save_organization(closed.organization)
    outcome = issue(late, [closed], source=IssuedBadge.Source.API, actor=None)

    assert {found.code for found in outcome} == {"account_closed"}
    assert not IssuedBadge.objects.filter(badge=late).exists()
    deliver()
    assert sandbox.received()["counts"]["requests"] == asked


def test_a_badge_that_failed_without_an_answer_is_looked_for_and_erased(
    zenobia: User, sandbox: SandboxProcess
) -> None:
    """The provider has it, and nobody here knows."""
    row = IssuedBadge.objects.get(status=Status.ISSUED, badge__badge_provider__kind="credly")
    lost = {"status": Status.FAILED, "failure_code": OutcomeUnknown.code, "external_uuid": ""}
    IssuedBadge.objects.filter(pk=row.pk).update(**lost)

    close_account(zenobia, actor=zenobia)
    forget()
    sweep()
    errands.run()

    row.refresh_from_db()
    assert (row.status, sandbox.badges()) == (Status.REMOVED, [])


def test_a_badge_whose_outcome_is_not_known_is_never_sent_again(
    zenobia: User, badge: Badge, sandbox: SandboxProcess
) -> None:
    row = IssuedBadgeFactory(badge=badge, learner=UserFactory(), status=Status.QUEUED)
    closed = close_account(row.learner, actor=row.learner)
    IssuedBadge.objects.filter(pk=row.pk).update(status=Status.QUEUED)  # as after two look-ups in vain

    deliver()

    row.refresh_from_db()
    assert (row.status, row.failure_code, row.learner) == (Status.FAILED, "account_closed", closed)
    forget()
    row.refresh_from_db()
    assert (row.status, row.recipient_email) == (Status.CANCELLED, "")
