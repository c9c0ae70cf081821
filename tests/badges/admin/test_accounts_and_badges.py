"""Accounts, badges and synchronizations in the back office, as an administrator works with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from badges.by_hand import issue_by_hand
from badges.models import (
    AccredibleBadge,
    Badge,
    CredlyBadge,
    IssuedBadge,
    IssuingAct,
    Synchronization,
)
from badges.status import Status
from badges.synchronization import synchronize
from providers import accounts
from providers.models import AccredibleConfig, BadgeProvider, CredlyOrganization
from tests.factories import (
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    OrganizationFactory,
    UserFactory,
)
from tests.providers.paper import ACCREDIBLE, CREDLY, Paper, on_paper, template_id
from tests.test_admin import address, change_page, save, words
from tms.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper("Azure", "Kubernetes") as paper:
        yield paper


@pytest.fixture
def account() -> BadgeProvider:
    made: BadgeProvider = BadgeProviderFactory(name="Our Credly", checked_at=timezone.now())
    return made


@pytest.fixture
def admin(account: BadgeProvider) -> User:
    made: User = AdministratorFactory(organization=account.organization)
    return made


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def act(office: Client, model: type[Any], action: str, *rows: Any, **data: Any) -> str:
    """The page that follows, as words."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows], **data}
    return words(office.post(address(model, "changelist"), chosen, follow=True))


def make(office: Client, model: type[Any], account: BadgeProvider, **given: Any) -> Any:
    facts = {"name": "Made", "organization": str(account.organization_id), "is_enabled": "on", **given}
    return save(office, address(model, "add"), **facts)


# --- Accounts by kind ---------------------------------------------------------------------------------------


def test_each_kind_has_its_list_its_fields_and_its_words(office: Client, account: BadgeProvider) -> None:
    accredible = BadgeProviderFactory(
        name="Our Accredible", kind=BadgeProvider.Kind.ACCREDIBLE, organization=account.organization
    )
    index = words(office.get("/admin/"))
    for label in ("Credly Organizations", "Accredible API Configs", "Badge providers"):
        assert label in index

    credly_list = words(office.get(address(CredlyOrganization, "changelist")))
    assert "Our Credly" in credly_list
    assert "Our Accredible" not in credly_list
    assert "Sync organization badge templates" in credly_list
    accredible_list = words(office.get(address(AccredibleConfig, "changelist")))
    assert "Our Credly" not in accredible_list
    assert "Sync groups" in accredible_list

    def fields(row: Any) -> set[str]:
        return set(office.get(change_page(row)).context["adminform"].form.fields)

    of_credly = fields(CredlyOrganization.objects.get(pk=account.pk))
    of_accredible = fields(AccredibleConfig.objects.get(pk=accredible.pk))
    of_any = fields(account)
    assert of_credly - of_accredible == {"provider_organization_id"}
    assert of_accredible - of_credly == {"revoke_by"}
    assert of_any == of_credly | of_accredible | {"kind"}
    assert "token" not in of_any


def test_an_account_made_on_a_list_is_of_its_kind(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    make(
        office,
        CredlyOrganization,
        account,
        api_url=CREDLY,
        provider_organization_id="o",
        new_token="new-token",
    )
    make(office, AccredibleConfig, account, api_url=ACCREDIBLE, new_token="new-token")

    made = BadgeProvider.objects.filter(name="Made").order_by("pk")
    assert [row.kind for row in made] == ["credly", "accredible"]


def test_the_documented_addresses_are_hints_of_the_form(office: Client, account: BadgeProvider) -> None:
    credly = words(office.get(address(CredlyOrganization, "add")))
    accredible = words(office.get(address(AccredibleConfig, "add")))

    assert "production: <code>https://api.credly.com/v1</code>" in credly
    assert "sandbox: <code>https://sandbox-api.credly.com/v1</code>" in credly
    assert "accredible" not in credly.split("<form")[2].lower()
    assert "production, EU: <code>https://eu.api.accredible.com/v1</code>" in accredible
    assert "Credly, production:" in words(office.get(address(BadgeProvider, "add")))


def test_an_address_that_nothing_would_be_sent_to_is_refused_beside_its_field(
    office: Client, account: BadgeProvider
) -> None:
    response = save(office, change_page(account), api_url="http://api.credly.com/v1")

    assert response.context["adminform"].form.errors["api_url"] == [
        "The API URL must begin with https: api.credly.com:80 is not one of PROVIDER_ALLOWED_HOSTS."
    ]


# --- Checked when it is saved, and on demand ----------------------------------------------------------------


def test_a_new_account_is_checked_and_the_result_is_told(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    given = {"api_url": CREDLY, "provider_organization_id": "o", "new_token": "new-token"}
    response = make(office, CredlyOrganization, account, **given)
    told = words(office.get(response["Location"]))
    assert "Made: the connection works; Credly calls it “Brackenfold”." in told

    paper.refuse, paper.sentence = 401, "The token is unknown."
    response = make(office, CredlyOrganization, account, **{**given, "name": "Refused"})

    told = words(office.get(response["Location"]))
    assert "Refused: sandbox-api.credly.com refuses the account (401). The token is unknown." in told
    refused = BadgeProvider.objects.get(name="Refused")
    assert refused.check_problem.endswith("The token is unknown.")
    assert "Does not work: sandbox-api.credly.com refuses" in words(office.get(change_page(refused)))


def test_an_edit_that_changes_nothing_of_the_connection_asks_nobody(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    assert save(office, change_page(account), name="Renamed").status_code == 302
    assert paper.asked == []
    assert save(office, change_page(account), new_token="another").status_code == 302
    assert paper.asked


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_provider_is_asked(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    badge = BadgeFactory(
        organization=account.organization,
        badge_provider=account,
        template_id=template_id("Azure"),
        is_active=False,
    )
    seen: list[bool] = []
    paper.before_answer = lambda: seen.append(connection.in_atomic_block)

    save(office, change_page(account), new_token="another")
    save(office, change_page(badge), is_active="on")
    act(office, BadgeProvider, "sync_badge_templates", account)
    act(office, BadgeProvider, "check_connection", account)

    assert len(seen) >= 4
    assert not any(seen)
    badge.refresh_from_db()
    assert badge.is_active


def test_selected_accounts_are_checked_each_with_its_result(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    other = BadgeProviderFactory(name="Without token", organization=account.organization, token="")

    page = act(office, BadgeProvider, "check_connection", account, other)

    assert "Our Credly: the connection works" in page
    assert "Without token: The account has no authentication token." in page


# --- What an account is like --------------------------------------------------------------------------------


def test_the_page_of_an_account_tells_how_it_is_and_what_waits_for_it(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    synchronize(account)
    badge = BadgeFactory(organization=account.organization, badge_provider=account, name="Waits")
    IssuedBadgeFactory(badge=badge)
    IssuedBadgeFactory(badge=badge, status=Status.HELD)
    IssuedBadgeFactory(badge=badge, status=Status.ISSUED, issued_at=timezone.now() - timedelta(days=1))
    failed = IssuedBadgeFactory(badge=badge, status=Status.FAILED, provider_message="Recipient is invalid")
    failed.events.create(from_status=Status.SENDING, to_status=Status.FAILED)
    IssuedBadgeFactory(status=Status.FAILED)

    page = words(office.get(change_page(account)))

    filters = f"badge__badge_provider__id__exact={account.pk}&amp;status__exact="
    assert f'{filters}queued">Waiting: 1</a>' in page
    assert f'{filters}held">Held: 1</a>' in page
    assert f'{filters}failed">Failed: 1</a>' in page
    assert "Issued last:" in page
    assert "Recipient is invalid" in page
    assert "2 templates, 2 new badges" in page
    assert "Works" in page
    shown = office.get(f"{address(IssuedBadge, 'changelist')}?{filters.replace('&amp;', '&')}failed")
    assert list(shown.context["cl"].queryset) == [failed]


def test_each_vendors_badges_have_a_list_that_tells_what_it_calls_them(
    office: Client, account: BadgeProvider
) -> None:
    organization = account.organization
    elsewhere = BadgeProviderFactory(organization=organization, kind="accredible")
    for provider, external_id, state in ((account, "c-17", "pending"), (elsewhere, "10017", "published")):
        badge = BadgeFactory(organization=organization, badge_provider=provider)
        IssuedBadgeFactory(badge=badge, status=Status.ISSUED, external_uuid=external_id, external_state=state)
    front = words(office.get(reverse("admin:index")))
    credly = words(office.get(address(CredlyBadge, "changelist")))
    accredible = words(office.get(address(AccredibleBadge, "changelist")))
    assert "Credly badges" in front and "Accredible badges" in front
    assert "c-17" in credly and "pending" in credly and "10017" not in credly
    assert "10017" in accredible and "published" in accredible and "c-17" not in accredible


def test_a_record_of_one_vendor_is_acted_on_from_its_own_page(office: Client, account: BadgeProvider) -> None:
    badge = BadgeFactory(organization=account.organization, badge_provider=account)
    failed = IssuedBadgeFactory(badge=badge, status=Status.FAILED, failure_code="rejected")
    row = CredlyBadge.objects.get(pk=failed.pk)
    assert 'value="retry"' in words(office.get(change_page(row)))
    answer = office.post(
        address(CredlyBadge, "changelist"), {"action": "retry", "_selected_action": [row.pk]}
    )
    assert answer["Location"] == change_page(row)
    failed.refresh_from_db()
    assert failed.status == Status.QUEUED


def test_all_that_failed_for_one_reason_is_sent_again_by_one_button(
    office: Client, account: BadgeProvider
) -> None:
    badge = BadgeFactory(organization=account.organization, badge_provider=account)
    theirs = IssuedBadgeFactory(status=Status.FAILED, failure_code="rejected")
    refused = [
        IssuedBadgeFactory(badge=badge, status=Status.FAILED, failure_code="rejected") for _ in range(3)
    ]
    lost = IssuedBadgeFactory(badge=badge, status=Status.FAILED, failure_code="outcome_unknown")
    everything = address(IssuedBadge, "changelist")
    this_reason = f"{everything}?status__exact=failed&failure_code=rejected"
    button = "Send all that failed for this reason again"
    assert button in words(office.get(this_reason))
    assert button not in words(office.get(everything))
    pressed = {"action": "retry", "select_across": "1", "_selected_action": "0"}
    told = words(office.post(this_reason, pressed, follow=True))
    assert "3 badges are sent again." in told
    for row in (*refused, lost, theirs):
        row.refresh_from_db()
    assert [row.status for row in (*refused, lost, theirs)] == [*["queued"] * 3, "failed", "failed"]
    told = words(office.post(everything, pressed, follow=True))
    assert "1 badge is sent again." in told
    assert "Only a failed badge can be sent again; 3 others have not failed." in told
    lost.refresh_from_db()
    assert lost.status == Status.UNKNOWN  # the provider is asked first


def test_badges_of_the_account_are_one_click_away(office: Client, account: BadgeProvider) -> None:
    BadgeFactory(organization=account.organization, badge_provider=account, name="Ours")
    BadgeFactory(organization=account.organization, name="Of another")
    link = f"{address(Badge, 'changelist')}?badge_provider__id__exact={account.pk}"

    assert f'<a href="{link}">Find Badges</a>' in words(office.get(change_page(account)))
    assert [row.name for row in office.get(link).context["cl"].queryset] == ["Ours"]


def test_the_end_of_a_token_is_told_on_the_page_the_list_and_the_dashboard(
    office: Client, account: BadgeProvider
) -> None:
    BadgeProvider.objects.update(token_set_at=timezone.now() - timedelta(days=170, minutes=1))
    sentence = "The token ends in 9 days"

    for url in (change_page(account), address(CredlyOrganization, "changelist"), "/"):
        assert sentence in words(office.get(url))
    found = office.get(address(BadgeProvider, "changelist"), {"state": "ending"}).context["cl"].queryset
    assert list(found) == [account]


def test_the_dashboard_shows_the_accounts_that_need_somebody_and_no_panel_without_any(
    office: Client, account: BadgeProvider
) -> None:
    title = "Badge providers to look after"
    assert title not in words(office.get("/"))
    BadgeProviderFactory(check_problem="Of somebody else.")
    assert title not in words(office.get("/"))

    BadgeProvider.objects.filter(pk=account.pk).update(check_problem="The token is unknown.")

    page = words(office.get("/"))
    assert title in page
    assert "Does not work: The token is unknown." in page
    assert "Of somebody else." not in page
    for state, found in (("failing", 1), ("paused", 0), ("disabled", 0)):
        listed = office.get(address(BadgeProvider, "changelist"), {"state": state})
        assert listed.context["cl"].queryset.count() == found


def test_an_account_is_paused_with_a_reason_and_resumed(office: Client, account: BadgeProvider) -> None:
    asked = act(office, CredlyOrganization, "pause", account)
    assert "Nothing is sent through a paused account." in asked

    page = act(office, CredlyOrganization, "pause", account, reason="No budget until May")

    assert "1 account is paused." in page
    assert "Paused: No budget until May" in page
    account.refresh_from_db()
    assert not account.is_usable
    assert "1 account goes on." in act(office, CredlyOrganization, "resume", account)
    account.refresh_from_db()
    assert account.is_usable


def test_the_webhook_address_is_shown_to_who_manages_the_account_and_can_be_renewed(
    office: Client, account: BadgeProvider
) -> None:
    page = words(office.get(change_page(account)))
    assert "None yet." in page
    accounts.renew_webhook_address(account)
    page = words(office.get(change_page(account)))
    assert account.webhook_address in page
    assert account.webhook_secret not in words(office.get(address(BadgeProvider, "changelist")))

    page = act(office, BadgeProvider, "renew_webhook_address", account)

    assert "1 account has a new webhook address." in page
    assert account.webhook_address not in page
    assert BadgeProvider.objects.get().webhook_address in page


def test_availability_goes_to_organizations_below(office: Client, account: BadgeProvider) -> None:
    child = OrganizationFactory(parent=account.organization)
    badge = BadgeFactory(organization=account.organization, badge_provider=account)

    for row in (account, badge):
        assert save(office, change_page(row), available_to=[str(child.pk)]).status_code == 302
        assert list(row.available_to.all()) == [child]


def test_what_is_not_below_is_refused_beside_its_field(client: Client, account: BadgeProvider) -> None:
    client.force_login(AdministratorFactory(organization=None, is_superuser=True))
    stranger = OrganizationFactory(name="Elsewhere")

    response = save(client, change_page(account), available_to=[str(stranger.pk)])

    assert response.context["adminform"].form.errors.keys() == {"available_to"}
    assert not account.available_to.exists()


# --- Synchronizing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "action"),
    [(BadgeProvider, "sync_badge_templates"), (CredlyOrganization, "sync_organization_badge_templates")],
)
def test_selected_accounts_are_synchronized_each_with_its_result(
    office: Client, account: BadgeProvider, admin: User, paper: Paper, model: type[Any], action: str
) -> None:
    broken = BadgeProviderFactory(name="Without token", organization=account.organization, token="")
    disabled = BadgeProviderFactory(name="Off", organization=account.organization, is_enabled=False)

    page = act(office, model, action, account, broken, disabled)

    assert "Our Credly: 2 templates, 2 new badges" in page
    assert "Without token: The account has no authentication token." in page
    assert "Off: The badge provider Off is disabled." in page
    record = Synchronization.objects.get(badge_provider=account)
    assert record.actor == admin
    assert reverse("admin:badges_synchronization_change", args=[record.pk]) in page
    assert Badge.objects.filter(is_active=False, badge_provider=account).count() == 2


def test_groups_are_synchronized(office: Client, account: BadgeProvider, paper: Paper) -> None:
    paper.groups = [{"id": 7, "name": "internal", "course_name": "Seven"}]
    config = BadgeProviderFactory(
        kind=BadgeProvider.Kind.ACCREDIBLE,
        organization=account.organization,
        api_url=ACCREDIBLE,
        provider_organization_id="",
    )

    page = act(office, AccredibleConfig, "sync_groups", config)

    assert "1 group, 1 new badge" in page
    assert Badge.objects.get().badge_provider == config


def test_a_dry_run_shows_the_list_of_changes_and_the_button_that_makes_them(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    synchronize(account)
    paper.change("Azure", name="Azure II")
    paper.remove("Kubernetes")
    paper.add("Fresh", allow_duplicate_badges=True)

    page = act(office, CredlyOrganization, "dry_run", account)

    assert "Nothing has been changed yet." in page
    assert "2 templates, 1 new badge, 1 changed, 1 gone" in page
    for shown in (
        "Azure</del>",
        "Azure II</ins>",
        "Fresh",
        template_id("Fresh"),
        "Template allows duplicates",
    ):
        assert shown in page
    assert set(Badge.objects.values_list("name", flat=True)) == {"Azure", "Kubernetes"}
    assert 'value="sync_organization_badge_templates"' in page
    assert f'name="_selected_action" value="{account.pk}"' in page


def test_the_history_shows_what_each_synchronization_changed(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    record = synchronize(account)
    paper.refuse = 403
    failed = synchronize(account)
    paper.refuse = 0
    synchronize(account, dry_run=True)
    url = address(Synchronization, "changelist")

    listed = words(office.get(url))
    assert "2 templates, 2 new badges" in listed
    assert "refuses the account (403)" in listed
    assert "The schedule or a command" in listed
    page = words(office.get(change_page(record)))
    assert "Kubernetes" in page
    assert change_page(Badge.objects.get(name="Kubernetes")) in page
    for result, found in (("changed", [record]), ("failed", [failed])):
        assert list(office.get(url, {"result": result}).context["cl"].queryset) == found
    assert office.get(url, {"result": "unchanged"}).context["cl"].queryset.count() == 1


def test_another_organizations_account_cannot_be_named_in_an_action(office: Client, paper: Paper) -> None:
    theirs = BadgeProviderFactory()

    for action in ("sync_badge_templates", "dry_run", "check_connection", "pause", "renew_webhook_address"):
        act(office, BadgeProvider, action, theirs, reason="Mine now")

    theirs.refresh_from_db()
    assert (paper.asked, theirs.is_usable, theirs.webhook_digest) == ([], True, None)
    assert not Synchronization.objects.exists()


# --- Badges -------------------------------------------------------------------------------------------------


@pytest.fixture
def badge(account: BadgeProvider) -> Badge:
    made: Badge = BadgeFactory(
        organization=account.organization,
        badge_provider=account,
        template_id=template_id("Azure"),
        name="Azure",
        is_active=False,
    )
    return made


def test_activating_asks_the_provider_and_refuses_in_a_sentence_beside_the_tick(
    office: Client, badge: Badge, paper: Paper
) -> None:
    paper.change("Azure", state="archived")

    refused = save(office, change_page(badge), is_active="on", name="Typed name")

    assert refused.context["adminform"].form.errors["is_active"] == [
        "The template is not active at Credly (archived), so the badge cannot be either."
    ]
    assert "Typed name" in words(refused)
    paper.change("Azure", state="active")
    assert save(office, change_page(badge), is_active="on").status_code == 302
    badge.refresh_from_db()
    assert (badge.is_active, badge.template_state) == (True, Badge.TemplateState.LIVE)


def test_a_template_that_nobody_can_be_asked_about_is_let_pass_with_a_warning(
    office: Client, badge: Badge, paper: Paper
) -> None:
    paper.refuse = 503

    response = save(office, change_page(badge), is_active="on")

    badge.refresh_from_db()
    assert badge.is_active
    page = words(office.get(response["Location"]))
    assert "The provider could not be asked whether the template is active." in page


def test_a_new_badge_that_is_to_be_active_is_looked_up_too(
    office: Client, account: BadgeProvider, paper: Paper
) -> None:
    given = {
        "name": "New",
        "organization": str(account.organization_id),
        "badge_provider": str(account.pk),
        "is_active": "on",
    }
    refused = save(office, address(Badge, "add"), **given, template_id="mistyped")
    assert "Credly has no template mistyped in this account" in words(refused)
    assert not Badge.objects.exists()

    save(office, address(Badge, "add"), **given, template_id=f" {template_id('Azure')} ")

    assert Badge.objects.get().template_state == Badge.TemplateState.LIVE


def test_a_save_without_activating_asks_nobody(office: Client, badge: Badge, paper: Paper) -> None:
    save(office, change_page(badge), name="Renamed")
    save(office, change_page(badge), name="", is_active="on")

    assert paper.asked == []


def test_selected_badges_are_activated_and_deactivated(
    office: Client, account: BadgeProvider, badge: Badge, paper: Paper
) -> None:
    mistyped = BadgeFactory(
        organization=account.organization, badge_provider=account, name="Mistyped", is_active=False
    )

    page = act(office, Badge, "activate", badge, mistyped)

    assert "1 badge is active. What was earned meanwhile is issued." in page
    assert "Mistyped: Credly has no template" in page
    badge.refresh_from_db()
    assert badge.is_active
    assert "1 badge is no longer active." in act(office, Badge, "deactivate", badge)
    badge.refresh_from_db()
    assert not badge.is_active


def test_the_page_of_a_badge_shows_its_template(office: Client, account: BadgeProvider, paper: Paper) -> None:
    paper.change("Azure", allow_duplicate_badges=True)
    synchronize(account)
    badge = Badge.objects.get(name="Azure")

    page = words(office.get(change_page(badge)))

    assert "Active at the provider" in page
    assert f'<a href="{badge.template_url}" rel="noreferrer">' in page
    assert f'src="{badge.image_url}"' in page
    assert "the provider would not refuse a second badge" in page
    repeated = office.get(address(Badge, "changelist"), {"allows_duplicates__exact": "1"})
    assert list(repeated.context["cl"].queryset) == [badge]


# --- Acts by hand -------------------------------------------------------------------------------------------


def test_an_act_shows_what_became_of_each_pair_and_is_undone_with_a_reason(
    office: Client, admin: User, account: BadgeProvider
) -> None:
    badge = BadgeFactory(organization=account.organization, badge_provider=account)
    learners = UserFactory.create_batch(2, organization=account.organization)
    IssuedBadgeFactory(badge=badge, learner=learners[1], status=Status.ISSUED)
    done = issue_by_hand([badge], learners, actor=admin, source="roster", token=uuid4())

    page = words(office.get(change_page(done)))
    assert "0 of 2 issued, 1 under way, 1 failures" in page
    assert "This learner already has this badge" in page
    assert "Undo…" in page

    assert "Give a reason." not in act(office, IssuingAct, "undo", done)
    assert "Give a reason." in act(office, IssuingAct, "undo", done, reason=" ")
    after = act(office, IssuingAct, "undo", done, reason="The wrong class")
    assert "1 badge that had not been sent was cancelled." in after
    assert "The wrong class" in after
    assert "Undo…" not in after
    assert sorted(IssuedBadge.objects.values_list("status", flat=True)) == ["cancelled", "issued"]
    assert "this was taken back" in act(office, IssuingAct, "undo", done, reason="Again")
