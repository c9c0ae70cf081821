"""Every template of an account becomes a badge and stays like it, and nothing of another account is touched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from achievements.models import Achievement
from badges import synchronization, tasks
from badges.activation import hold_waiting
from badges.catalogue import save_badge
from badges.models import Badge, IssuedBadge, Synchronization
from badges.status import HELD_BADGE_INACTIVE, Status
from badges.synchronization import summary, synchronize, synchronize_all, take_in
from providers import accounts, limits
from providers.accounts import save_provider
from providers.base import Template
from providers.models import BadgeProvider, CallRate
from tests.badges.conftest import timeline
from tests.factories import (
    AchievementFactory,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.providers.conftest import ARCHIVED, CANARY, ORGANIZATION, REPEATABLE, TEMPLATE
from tests.providers.paper import ACCREDIBLE, Paper, on_paper, template, template_id
from tms.errors import DomainError, NotFound
from tms.models import AuditEntry

pytestmark = pytest.mark.django_db
State = Badge.TemplateState


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper("Azure", "Kubernetes") as paper:
        yield paper


@pytest.fixture
def account() -> BadgeProvider:
    made: BadgeProvider = BadgeProviderFactory()
    return made


def badge_of(name: str) -> Badge:
    return Badge.objects.get(template_id=template_id(name))


def changes(record: Synchronization) -> list[tuple[str, str]]:
    return [(change["change"], change["name"]) for change in record.changes]


# --- New, changed, renamed ----------------------------------------------------------------------------------


def test_every_template_becomes_an_inactive_badge_of_the_accounts_organization(
    paper: Paper, account: BadgeProvider
) -> None:
    paper.add("Repeated", allow_duplicate_badges=True)
    paper.add("Old", state="archived")

    record = synchronize(account)

    assert changes(record) == [("new", "Azure"), ("new", "Kubernetes"), ("new", "Repeated")]
    badge = badge_of("Azure")
    assert record.changes[0]["badge"] == badge.pk
    assert (badge.organization, badge.badge_provider) == (account.organization, account)
    assert (badge.is_active, badge.enable_manual_issuance, badge.template_state) == (False, False, State.LIVE)
    assert badge.description == "What it takes to have Azure."
    assert badge.image_url == f"https://images.example.org/{badge.template_id}.png"
    assert badge.template_url.endswith(badge.template_id)
    assert badge.synchronized_at is not None
    assert [badge.allows_duplicates for badge in Badge.objects.order_by("name")] == [False, False, True]
    assert (record.seen, record.problem, record.actor, record.is_dry_run) == (3, "", None, False)
    assert summary(record) == "3 templates, 3 new badges"


def test_a_second_time_changes_nothing(paper: Paper, account: BadgeProvider) -> None:
    synchronize(account)
    before = list(Badge.objects.order_by("pk").values())

    record = synchronize(account)

    assert (record.changes, summary(record)) == ([], "2 templates, nothing changed")
    after = list(Badge.objects.order_by("pk").values())
    for row in (*before, *after):
        del row["synchronized_at"]
    assert after == before


def test_a_rename_at_the_provider_keeps_the_badge_and_its_rule(paper: Paper, account: BadgeProvider) -> None:
    synchronize(account)
    badge = badge_of("Azure")
    rule = AchievementFactory(organization=account.organization, badge=badge)
    paper.change("Azure", name="Azure Fundamentals", description="", url="https://www.credly.com/new")

    record = synchronize(account)

    assert changes(record) == [("changed", "Azure Fundamentals")]
    assert record.changes[0]["details"] == {
        "name": ["Azure", "Azure Fundamentals"],
        "template_url": [badge.template_url, "https://www.credly.com/new"],
    }
    rule.refresh_from_db()
    assert rule.badge == badge
    assert rule.badge.name == "Azure Fundamentals"
    assert rule.badge.description == "What it takes to have Azure."
    assert Badge.objects.count() == 2


def test_what_administrators_decide_stays_as_it_is(paper: Paper, account: BadgeProvider) -> None:
    synchronize(account)
    child = OrganizationFactory(parent=account.organization)
    account.available_to.add(child)
    badge = badge_of("Azure")
    badge.is_active = badge.enable_manual_issuance = True
    badge.organization, badge.external_id, badge.expires_after_days = child, "b-1", 365
    save_badge(badge)
    badge.available_to.add(account.organization)
    paper.change("Azure", name="Azure II", allow_duplicate_badges=True)

    synchronize(account)

    after = badge_of("Azure")
    assert (after.name, after.allows_duplicates) == ("Azure II", True)
    assert (after.is_active, after.enable_manual_issuance, after.organization) == (True, True, child)
    assert (after.external_id, after.expires_after_days) == ("b-1", 365)
    assert list(after.available_to.all()) == [account.organization]


def test_an_edited_text_stays_until_the_provider_changes_that_very_text(
    paper: Paper, account: BadgeProvider
) -> None:
    synchronize(account)
    badge = badge_of("Azure")
    badge.name, badge.description = "Our Azure", "In our words."
    save_badge(badge)

    assert synchronize(account).changes == []
    assert badge_of("Azure").name == "Our Azure"

    paper.change("Azure", name="Azure 2027")
    synchronize(account)
    assert (badge_of("Azure").name, badge_of("Azure").description) == ("Azure 2027", "In our words.")


def test_a_badge_made_by_hand_takes_over_its_template_at_the_first_synchronization(
    paper: Paper, account: BadgeProvider
) -> None:
    typed = BadgeFactory(
        organization=account.organization,
        badge_provider=account,
        template_id=template_id("Azure"),
        name="azure",
        description="",
    )

    record = synchronize(account)

    assert changes(record) == [("changed", "Azure"), ("new", "Kubernetes")]
    assert record.changes[0]["details"]["description"] == ["", "What it takes to have Azure."]
    typed.refresh_from_db()
    assert (typed.name, typed.template_state, typed.is_active) == ("Azure", State.LIVE, True)
    assert typed.image_url


def test_texts_that_no_column_holds_are_made_to_fit(paper: Paper, account: BadgeProvider) -> None:
    paper.change(
        "Azure",
        name="A" * 300,
        description="with\0nul and half a pair \ud83d",
        image_url="https://example.org/" + "x" * 600,
        url="javascript:alert(1)",
    )
    paper.change("Kubernetes", name="  ")

    record = synchronize(account)

    badge = badge_of("Azure")
    assert record.problem == ""
    assert (len(badge.name), badge.name[-1]) == (200, "…")
    assert badge.description == "with\ufffdnul and half a pair ?"
    assert (badge.image_url, badge.template_url) == ("", "")
    assert badge_of("Kubernetes").name == template_id("Kubernetes")


# --- Archived and gone --------------------------------------------------------------------------------------


def test_a_badge_whose_template_is_archived_or_gone_is_deactivated_flagged_and_kept(
    paper: Paper, account: BadgeProvider
) -> None:
    paper.add("Old")
    synchronize(account)
    Badge.objects.update(is_active=True)
    rules = [
        AchievementFactory(organization=account.organization, badge=badge) for badge in Badge.objects.all()
    ]
    paper.change("Azure", state="archived")
    paper.remove("Old")

    record = synchronize(account)

    assert changes(record) == [("archived", "Azure"), ("gone", "Old")]
    assert [change["details"] for change in record.changes] == [{"is_active": [True, False]}] * 2
    assert summary(record) == "1 template, 1 archived, 1 gone"
    found = {badge.name: (badge.template_state, badge.is_active) for badge in Badge.objects.all()}
    assert found == {
        "Azure": (State.ARCHIVED, False),
        "Kubernetes": (State.LIVE, True),
        "Old": (State.GONE, False),
    }
    assert {rule.pk for rule in Achievement.objects.filter(badge__isnull=False)} == {
        rule.pk for rule in rules
    }
    assert synchronize(account).changes == []


def test_what_waits_for_a_deactivated_badge_is_held_at_once_and_says_why(
    paper: Paper, account: BadgeProvider
) -> None:
    synchronize(account)
    Badge.objects.update(is_active=True)
    waiting = IssuedBadgeFactory(badge=badge_of("Azure"))
    sending = IssuedBadgeFactory(badge=badge_of("Azure"), status=Status.SENDING)
    other = IssuedBadgeFactory(badge=badge_of("Kubernetes"))
    paper.remove("Azure")
    admin = AdministratorFactory(organization=account.organization)

    synchronize(account, actor=admin)

    for row in (waiting, sending, other):
        row.refresh_from_db()
    assert (waiting.status, waiting.hold_reason) == (Status.HELD, HELD_BADGE_INACTIVE)
    assert (sending.status, other.status) == (Status.SENDING, Status.QUEUED)
    assert timeline(waiting) == ["queued → held"]
    assert waiting.events.get().actor == admin


def test_a_template_that_comes_back_is_told_and_not_activated_by_itself(
    paper: Paper, account: BadgeProvider
) -> None:
    synchronize(account)
    Badge.objects.update(is_active=True)
    paper.change("Azure", state="archived")
    synchronize(account)
    paper.change("Azure", state="active")

    record = synchronize(account)

    assert changes(record) == [("returned", "Azure")]
    assert (badge_of("Azure").template_state, badge_of("Azure").is_active) == (State.LIVE, False)


def test_a_template_that_the_list_left_out_is_not_gone(paper: Paper, account: BadgeProvider) -> None:
    """A list that moves while its pages are read may leave one out; it is asked about by itself."""
    synchronize(account)
    Badge.objects.update(is_active=True)
    paper.left_out = {template_id("Azure")}

    record = synchronize(account)

    assert (record.changes, record.seen) == ([], 2)
    assert badge_of("Azure").is_active


def test_an_empty_list_by_mistake_deactivates_nothing(
    paper: Paper, account: BadgeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synchronization, "LOOKUPS", 1)
    synchronize(account)
    Badge.objects.update(is_active=True)
    paper.left_out = {template_id("Azure"), template_id("Kubernetes")}

    record = synchronize(account)

    assert "leaves out templates that the provider still has" in record.problem
    assert Badge.objects.filter(is_active=True, template_state=State.LIVE).count() == 2


def test_what_is_missing_is_asked_about_once_and_only_while_it_is_little(
    paper: Paper, account: BadgeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synchronization, "LOOKUPS", 3)
    BadgeFactory.create_batch(5, badge_provider=account, organization=account.organization)

    synchronize(account)

    assert sum("/badge_templates/" in asked for asked in paper.asked) == 3
    assert Badge.objects.filter(template_state=State.GONE, is_active=False).count() == 5
    paper.asked.clear()
    synchronize(account)
    assert not any("/badge_templates/" in asked for asked in paper.asked)


# --- One account at a time ----------------------------------------------------------------------------------


def test_accounts_that_share_ids_do_not_touch_each_others_badges(
    paper: Paper, account: BadgeProvider
) -> None:
    other = BadgeProviderFactory()
    synchronize(account)
    synchronize(other)
    Badge.objects.update(is_active=True)
    theirs = list(Badge.objects.filter(badge_provider=other).order_by("pk").values())
    paper.change("Azure", name="Renamed")
    paper.remove("Kubernetes")

    record = synchronize(account)

    assert changes(record) == [("changed", "Renamed"), ("gone", "Kubernetes")]
    assert list(Badge.objects.filter(badge_provider=other).order_by("pk").values()) == theirs
    assert Badge.objects.count() == 4


def test_kinds_that_share_ids_do_not_collide(paper: Paper, account: BadgeProvider) -> None:
    accredible = BadgeProviderFactory(
        kind=BadgeProvider.Kind.ACCREDIBLE, api_url=ACCREDIBLE, provider_organization_id=""
    )
    paper.templates = [template("Azure", id="17")]
    paper.groups = [
        {"id": 17, "name": "seventeen", "course_name": "Seventeen", "course_description": "Course."}
    ]

    synchronize(account)
    record = synchronize(accredible)

    assert (record.seen, summary(record)) == (1, "1 group, 1 new badge")
    assert Badge.objects.filter(template_id="17").count() == 2
    paper.groups = []
    assert changes(synchronize(accredible))[0][0] == "gone"
    assert Badge.objects.get(badge_provider=account).template_state == State.LIVE


def test_every_page_is_read(paper: Paper, account: BadgeProvider) -> None:
    paper.add(*(f"Badge {number:03}" for number in range(120)))

    assert synchronize(account).seen == 122
    assert Badge.objects.count() == 122
    assert len(paper.asked) == 3


# --- Failing ------------------------------------------------------------------------------------------------


def test_its_calls_are_counted_page_by_page(paper: Paper, account: BadgeProvider) -> None:
    BadgeProvider.objects.update(calls_per_minute=16)
    account.refresh_from_db()
    (limit,) = limits.limits_of(account)
    paper.add("Git")
    paper.per_page = 1
    taken: list[datetime] = []

    def look() -> None:
        taken.extend(CallRate.objects.values_list("free_at", flat=True))

    paper.before_answer = look

    synchronize(account)

    (free_at,) = CallRate.objects.values_list("free_at", flat=True)
    assert len(paper.asked) == 3
    assert [free_at - earlier for earlier in taken] == [2 * limit.interval, limit.interval]


def test_a_page_does_not_wait_for_ever(
    paper: Paper, account: BadgeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper.add("Git")
    paper.per_page = 1
    passed = [0.0]
    for module in ("badges.synchronization", "providers.connections"):
        monkeypatch.setattr(f"{module}.monotonic", lambda: time.monotonic() + passed[0])

    def answer_late() -> None:
        passed[0] += 20

    paper.before_answer = answer_late

    record = synchronize(account, seconds=30)

    assert "takes longer than anybody waits here" in record.problem
    assert len(paper.asked) == 2
    assert not Badge.objects.exists()
    assert synchronize(account).problem == ""
    assert Badge.objects.count() == 3


def test_an_account_that_is_asked_to_wait_meanwhile_waits(paper: Paper, account: BadgeProvider) -> None:
    paper.refuse = 429

    assert synchronize(account).problem

    account.refresh_from_db()
    assert account.closed_until is not None


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_failure_on_any_page_changes_nothing_and_is_told(
    paper: Paper, account: BadgeProvider, page: int
) -> None:
    paper.per_page = 1
    paper.add("Third")
    paper.fail_page = page
    gone = BadgeFactory(badge_provider=account, organization=account.organization)

    record = synchronize(account)

    assert "did not answer properly (503)" in record.problem
    assert (record.seen, record.changes) == (0, [])
    assert summary(record) == record.problem
    gone.refresh_from_db()
    assert (Badge.objects.count(), gone.is_active) == (1, True)


def test_a_refused_token_is_told_in_the_providers_words_and_does_not_pause_issuing(
    paper: Paper, account: BadgeProvider
) -> None:
    """A token may be allowed to issue and not to read."""
    paper.refuse, paper.sentence = 403, "This token may not read."

    record = synchronize(account)

    assert "refuses the account (403)" in record.problem
    assert "This token may not read." in record.problem
    account.refresh_from_db()
    assert account.is_usable


def test_a_mistake_in_reading_is_told_and_changes_nothing(
    account: BadgeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(provider: BadgeProvider) -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr(synchronization, "adapter_for", fail)

    assert synchronize(account).problem == "The templates cannot be read: KeyError."
    assert Synchronization.objects.count() == 1


def test_a_template_without_a_usable_id_spoils_the_list(paper: Paper, account: BadgeProvider) -> None:
    paper.templates.append(template("Broken", id="x" * 300))

    assert "The id of a template is not one" in synchronize(account).problem
    assert not Badge.objects.exists()


def test_a_failure_while_writing_changes_nothing(
    paper: Paper, account: BadgeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **named: Any) -> int:
        assert Badge.objects.count() == 3
        raise RuntimeError

    BadgeFactory(badge_provider=account, organization=account.organization)
    monkeypatch.setattr(synchronization, "hold_waiting", fail)

    with pytest.raises(RuntimeError):
        synchronize(account)

    assert Badge.objects.get().is_active
    assert not Synchronization.objects.exists()
    monkeypatch.setattr(synchronization, "hold_waiting", hold_waiting)
    assert len(synchronize(account).changes) == 3


def test_a_disabled_account_and_one_without_templates_are_refused() -> None:
    disabled = BadgeProviderFactory(is_enabled=False)
    own = BadgeProviderFactory(kind=BadgeProvider.Kind.OPEN_BADGES)

    for account, code in ((disabled, "provider_disabled"), (own, "no_templates")):
        with pytest.raises(DomainError) as refused:
            synchronize(account)
        assert refused.value.code == code
    assert not Synchronization.objects.exists()


def test_only_administrators_of_the_account_synchronize_it(paper: Paper, account: BadgeProvider) -> None:
    for stranger in (AdministratorFactory(), UserFactory(organization=account.organization)):
        with pytest.raises(NotFound):
            synchronize(account, actor=stranger)
    assert paper.asked == []
    admin = AdministratorFactory(organization=account.organization)
    assert synchronize(account, actor=admin, dry_run=True).actor == admin
    assert not AuditEntry.objects.exists()  # nothing was done
    assert synchronize(account, actor=admin).actor == admin
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.kind, entry.key) == ("synchronize", "badge_provider", account.pk)
    assert entry.told_changes == [("badges", "–", "2 templates, 2 new badges")]


# --- Dry runs, two at once, cost ----------------------------------------------------------------------------


def test_a_dry_run_tells_exactly_what_would_change_and_changes_nothing(
    paper: Paper, account: BadgeProvider
) -> None:
    paper.add("Old", "Archived")
    synchronize(account)
    Badge.objects.update(is_active=True)
    paper.change("Azure", name="Azure II")
    paper.change("Archived", state="archived")
    paper.remove("Old")
    paper.add("Fresh")
    before = list(Badge.objects.order_by("pk").values())

    dry = synchronize(account, dry_run=True)

    assert list(Badge.objects.order_by("pk").values()) == before
    assert (dry.is_dry_run, Synchronization.objects.filter(is_dry_run=True).count()) == (True, 1)
    real = synchronize(account)
    told = [{**change, "badge": None} if change["change"] == "new" else change for change in real.changes]
    assert dry.changes == told
    assert {change for change, _name in changes(dry)} == {"new", "changed", "archived", "gone"}


def test_of_two_at_once_the_one_that_read_too_early_is_told(paper: Paper, account: BadgeProvider) -> None:
    nested: list[Synchronization] = []

    def another() -> None:
        paper.before_answer = None
        nested.append(synchronize(account))
        paper.change("Azure", state="archived")
        nested.append(synchronize(account))

    paper.before_answer = another

    record = synchronize(account)

    assert [changes(each) for each in nested] == [
        [("new", "Azure"), ("new", "Kubernetes")],
        [("archived", "Azure")],
    ]
    assert "Another synchronization of this account ended meanwhile" in record.problem
    assert badge_of("Azure").template_state == State.ARCHIVED


def test_what_the_provider_told_of_a_template_meanwhile_is_newer_than_what_was_read(
    paper: Paper, account: BadgeProvider
) -> None:
    synchronize(account)

    def event() -> None:
        paper.before_answer = None
        take_in(account, Template(external_id=template_id("Azure"), name="Told meanwhile"))
        take_in(account, Template(external_id=template_id("Fresh"), name="Fresh", state="active"))

    paper.before_answer = event
    paper.add("Fresh")
    paper.change("Azure", name="As it was read")
    paper.change("Kubernetes", name="Kubernetes II")

    record = synchronize(account)

    assert changes(record) == [("changed", "Kubernetes II")]
    assert badge_of("Azure").name == "Told meanwhile"


def test_what_was_read_with_another_token_is_not_written(paper: Paper, account: BadgeProvider) -> None:
    def exchange() -> None:
        paper.before_answer = None
        save_provider(BadgeProvider.objects.get(pk=account.pk), new_token="another")

    paper.before_answer = exchange

    assert "The account was changed" in synchronize(account).problem
    assert not Badge.objects.exists()


def test_it_costs_the_same_however_many_templates_there_are(paper: Paper, account: BadgeProvider) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert synchronize(account).problem == ""
        return len(queries)

    paper.add("Old 1")
    synchronize(account)
    paper.remove("Old 1")
    paper.add("Fresh 1")
    few = cost()
    paper.add(*(f"Old {number}" for number in range(10, 20)))
    synchronize(account)
    paper.templates = [row for row in paper.templates if not row["name"].startswith("Old")]
    paper.add(*(f"Fresh {number}" for number in range(10, 30)))

    assert cost() == few <= 22


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_provider_is_asked(paper: Paper, account: BadgeProvider) -> None:
    BadgeFactory(badge_provider=account, organization=account.organization)
    seen: list[bool] = []
    paper.before_answer = lambda: seen.append(connection.in_atomic_block)

    synchronize(account)

    assert seen == [False] * len(paper.asked)
    assert len(seen) >= 2


def test_all_usable_accounts_are_synchronized_and_one_that_fails_stops_no_other(
    paper: Paper, account: BadgeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    BadgeProviderFactory(is_enabled=False)
    BadgeProviderFactory(kind=BadgeProvider.Kind.OPEN_BADGES)
    accounts.pause(BadgeProviderFactory(), reason="Refused.")
    other = BadgeProviderFactory()
    real = synchronization._write

    def write(provider: BadgeProvider, *args: Any, **named: Any) -> None:
        if provider == account:
            raise RuntimeError
        real(provider, *args, **named)

    monkeypatch.setattr(synchronization, "_write", write)

    records = synchronize_all()

    assert [(record.badge_provider, record.problem) for record in records] == [
        (account, "It cannot be synchronized: RuntimeError."),
        (other, ""),
    ]
    assert Badge.objects.filter(badge_provider=other).count() == 2


# --- One template, as events tell of it ---------------------------------------------------------------------


def test_one_template_is_taken_in_by_itself(paper: Paper, account: BadgeProvider) -> None:
    synchronize(account)
    Badge.objects.update(is_active=True)

    renamed = take_in(account, Template(external_id=template_id("Azure"), name="Azure II"))
    new = take_in(account, Template(external_id="t-9", name="Fresh"))
    archived = take_in(account, Template(external_id=template_id("Kubernetes"), name="K", state="archived"))
    unknown = take_in(account, Template(external_id="t-10", name="Draft", state="draft"))
    deleted = take_in(account, Template(external_id="t-9", name="Fresh", state="deleted"))

    assert [change["change"] for change in (*renamed, *new, *archived)] == ["changed", "new", "archived"]
    assert ([change["change"] for change in deleted], unknown) == (["gone"], [])
    assert {badge.name: badge.is_active for badge in Badge.objects.all()} == {
        "Azure II": True,
        "Fresh": False,
        "Kubernetes": False,
    }


# --- Over the wire ------------------------------------------------------------------------------------------


def test_over_the_wire_with_a_provider_of_its_own(sandbox: Any) -> None:
    account = BadgeProviderFactory(
        api_url=f"{sandbox.url}/v1", provider_organization_id=ORGANIZATION, token=CANARY
    )
    typed = [
        BadgeFactory(badge_provider=account, organization=account.organization, template_id=pk)
        for pk in (TEMPLATE, ARCHIVED, "nowhere")
    ]

    record = synchronize(account)

    assert (record.problem, record.seen) == ("", 2)
    for badge in typed:
        badge.refresh_from_db()
    assert [badge.template_state for badge in typed] == [State.LIVE, State.ARCHIVED, State.GONE]
    assert [badge.is_active for badge in typed] == [True, False, False]
    assert Badge.objects.get(template_id=REPEATABLE).allows_duplicates
    assert not IssuedBadge.objects.exists()
    sandbox.order(status_rate=1, status=401)
    assert "refuses the account (401)" in synchronize(account).problem


def test_a_site_that_is_switched_off_calls_nobody_at_night(
    paper: Paper, account: BadgeProvider, settings: Any
) -> None:
    settings.BADGES_ENABLED = False
    tasks.synchronize()
    assert paper.asked == []
    settings.BADGES_ENABLED = True
    tasks.synchronize()
    assert Badge.objects.filter(badge_provider=account).count() == 2


def test_the_schedule_names_tasks_that_there_are() -> None:
    from config.celery import app

    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"badges.synchronize", "providers.check"} <= scheduled
    assert scheduled <= set(app.tasks)
