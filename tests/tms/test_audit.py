"""Who did what, when and why."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from achievements import backfill
from achievements.authoring import save_achievement
from badges import corrections, ending, erasing, retrying
from badges.by_hand import issue_by_hand
from badges.catalogue import save_badge
from badges.models import IssuedBadge
from badges.status import Status
from badges.undoing import undo
from providers import accounts
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tms import audit, gates
from tms.access import Role
from tms.models import AuditEntry
from tms.people import save_person
from tms.roles import PERMANENT

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return AdministratorFactory(organization=OrganizationFactory(name="North"), last_name="Boss")


@pytest.fixture
def badge(boss):
    return BadgeFactory(name="Cloud", organization=boss.organization, enable_manual_issuance=True)


def told():
    """(act, kind, key, count, reason) of each entry, the first first; each is somebody's."""
    entries = AuditEntry.objects.order_by("pk")
    assert all(entry.actor for entry in entries)
    return [(entry.act, entry.kind, entry.key, entry.count, entry.reason) for entry in entries]


def test_what_is_done_to_issued_badges_is_one_entry_for_each_act(boss, badge):
    learner = UserFactory(organization=boss.organization)
    act = issue_by_hand(
        [badge],
        [learner, learner],
        actor=boss,
        source=IssuedBadge.Source.API,
        token=uuid4(),
        reason="Hackathon",
    )
    undo(act, reason="Mistake", actor=boss)
    failed = [IssuedBadgeFactory(badge=badge, status=Status.FAILED) for _number in "1234"]
    issued = [
        IssuedBadgeFactory(badge=badge, status=Status.ISSUED, external_uuid=f"u{number}") for number in "123"
    ]
    retrying.retry(failed[0], actor=boss)
    rows = IssuedBadge.objects.all()
    ending.cancel(failed[1], reason="Late", actor=boss)
    assert retrying.retry_all(rows, actor=boss) == 2
    assert ending.cancel_all(rows, reason="Stop", actor=boss) == 3
    corrections.correct_all(rows, email=False, actor=boss)
    ending.revoke(issued[0], reason="Wrong", actor=boss)
    ending.revoke_all(rows.filter(pk=issued[1].pk), reason="Also wrong", actor=boss)
    erasing.erase_all(rows.filter(pk=issued[2].pk), reason="Asked for", actor=boss)

    assert told() == [
        ("issue", "issuing_act", act.pk, 1, "Hackathon"),
        ("undo", "issuing_act", act.pk, 1, "Mistake"),
        ("retry", "issued_badge", failed[0].pk, 1, ""),
        ("cancel", "issued_badge", failed[1].pk, 1, "Late"),
        ("retry", "issued_badge", None, 2, ""),
        ("cancel", "issued_badge", None, 3, "Stop"),
        ("correct", "issued_badge", None, 3, ""),
        ("revoke", "issued_badge", issued[0].pk, 1, "Wrong"),
        ("revoke", "issued_badge", issued[1].pk, 1, "Also wrong"),
        ("erase", "issued_badge", issued[2].pk, 1, "Asked for"),
    ]
    assert set(AuditEntry.objects.values_list("organization__name", flat=True)) == {"North"}
    assert AuditEntry.objects.get(key=failed[0].pk, kind="issued_badge").about == failed[0].learner
    assert AuditEntry.objects.get(key=failed[0].pk, kind="issued_badge").name == ""


def test_what_is_made_and_changed_is_told_with_its_changes_and_no_secret(boss, badge):
    badge.name = "Clouds"
    save_badge(badge, actor=boss)
    save_badge(badge, actor=boss)  # nothing is another
    badge.is_active = False
    save_badge(badge, actor=boss)
    account = badge.badge_provider
    account.refresh_from_db()
    account.organization = boss.organization
    account.save()
    accounts.save_provider(account, new_token="secret-canary", actor=boss)
    accounts.pause_by_hand(account, reason="No budget", actor=boss)
    accounts.resume(account, actor=boss)
    achievement = AchievementFactory(organization=boss.organization)
    achievement.conditions_text = "[{Subject:0, Count:7}]"
    save_achievement(achievement, actor=boss)
    run = backfill.start(achievement, actor=boss)
    backfill.resume(backfill.pause(run, actor=boss), actor=boss)
    backfill.undo(run, reason="Too many", actor=boss)

    assert [entry[:2] for entry in told()] == [
        ("change", "badge"),
        ("deactivate", "badge"),
        ("change", "badge_provider"),
        ("pause", "badge_provider"),
        ("resume", "badge_provider"),
        ("change", "achievement"),
        ("backfill", "backfill"),
        ("pause", "backfill"),
        ("resume", "backfill"),
        ("undo", "backfill"),
    ]
    changes = {(entry.act, entry.kind): entry.changes for entry in AuditEntry.objects.all()}
    assert changes["change", "badge"] == {"name": ["Cloud", "Clouds"]}
    assert changes["change", "badge_provider"]["token"] == [audit.HIDDEN, audit.HIDDEN]
    assert "secret-canary" not in str(changes)
    assert changes["change", "achievement"]["conditions_text"][1] == "[{Subject:0, Count:7}]"


def test_who_may_use_a_badge_or_an_account_is_told_by_name(boss, badge):
    below = [OrganizationFactory(name=name, parent=boss.organization) for name in ("East", "West")]
    account = BadgeProviderFactory(organization=boss.organization)
    save_badge(badge, available_to=below, actor=boss)
    save_badge(badge, available_to=below, actor=boss)  # nothing is another
    accounts.save_provider(account, available_to=below[:1], actor=boss)
    accounts.save_provider(account, available_to=[], actor=boss)
    assert [entry.changes for entry in AuditEntry.objects.order_by("pk")] == [
        {"available_to": ["", "East, West"]},
        {"available_to": ["", "East"]},
        {"available_to": ["East", ""]},
    ]
    assert AuditEntry.objects.latest("pk").told_changes == [("availability", "East", "–")]


def test_preferences_and_roles_are_told_and_nobodys_name_is_kept(boss):
    organization = boss.organization
    organization.enable_achievements = not organization.enable_achievements
    gates.save_organization(organization, actor=boss)
    person = gates.save_user(UserFactory(organization=organization, email="old@example.org"))
    person.email, person.participate_in_achievements = (
        "new@example.org",
        not person.participate_in_achievements,
    )
    save_person(person, terms={Role.INSTRUCTOR: PERMANENT}, actor=boss)
    gates.save_user(UserFactory(organization=organization), actor=None)  # the system itself

    assert [entry[:3] for entry in told()] == [
        ("change", "organization", organization.pk),
        ("change", "user", person.pk),
        ("roles", "user", person.pk),
    ]
    of_person, of_roles = AuditEntry.objects.filter(kind="user").order_by("pk")
    assert set(of_person.changes) == {"email", "participate_in_achievements"}
    assert "example.org" not in str(of_person.changes) + of_person.name
    assert of_roles.changes == {"roles": ["", "instructor"]}


def test_an_act_that_fails_leaves_no_entry(boss, badge):
    badge.template_id = ""
    with pytest.raises(Exception, match="template_id"):
        save_badge(badge, actor=boss)
    assert told() == []


def test_nothing_is_changed_or_taken_away_afterwards(boss, badge):
    audit.record(audit.Act.CHANGE, badge, kind=audit.Kind.BADGE, actor=boss)
    entry = AuditEntry.objects.get()
    entry.reason = "Another"
    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(reason="Another"),
    ):
        with pytest.raises(TypeError):
            attempt()
    assert AuditEntry.objects.get().reason == ""


def test_it_is_found_filtered_and_exported_by_those_whom_it_concerns(client, boss, badge):
    ending.revoke(
        IssuedBadgeFactory(badge=badge, status=Status.ISSUED, external_uuid="u"), reason="Wrong", actor=boss
    )
    badge.name = "Clouds"
    save_badge(badge, actor=boss)
    elsewhere = AdministratorFactory()
    gates.save_organization(elsewhere.organization, actor=None)
    stranger = BadgeFactory(name="Foreign", organization=elsewhere.organization)
    audit.record(audit.Act.CHANGE, stranger, kind=audit.Kind.BADGE, actor=elsewhere)
    client.force_login(boss)
    client.get("/")

    response = client.get(reverse("find-audit"))
    html = response.content.decode()
    assert response.context["found"].count == 2
    assert "Clouds" in html
    assert "Foreign" not in html
    assert "name</b> Cloud → Clouds" in html
    found = client.get(reverse("find-audit"), {"what": "revoke", "who": boss.pk}).context["found"]
    assert [line.row.reason for line in found.lines] == ["Wrong"]
    csv = b"".join(client.get(reverse("find-audit"), {"kind": "badge", "format": "csv"})).decode("utf-8-sig")
    assert csv.splitlines()[0] == "Time,Who,What,Kind,Which,How many,Why,Changes"
    assert "Changed,Badge,Clouds,1,,name: Cloud → Clouds" in csv
