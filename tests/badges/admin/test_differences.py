"""Differences and events in the back office and on the dashboard, through their pages."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from badges.admin import differences as admin_differences
from badges.comparison import compare
from badges.models import Comparison, Difference, ProviderEvent
from badges.status import Status
from tests.badges.conftest import stored
from tests.badges.stories import act, issue, issue_there
from tests.factories import (
    PAST,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    UserFactory,
)
from tms.metrics import exposition

S = Status
Kind = Difference.Kind
pytestmark = pytest.mark.django_db
LIST = "admin:badges_difference_changelist"
RECORD = "admin:badges_difference_change"


@pytest.fixture
def administrator(account):
    return AdministratorFactory(organization=account.organization)


@pytest.fixture
def pages(client, administrator):
    client.force_login(administrator)
    return client


def do(client, action: str, *rows, url: str = LIST, **more: str):
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(reverse(url), data, follow=True)


def words(response) -> str:
    return response.content.decode()


@pytest.fixture
def differences(sandbox, account, badge):
    """One that can be adopted, one that is gone."""
    row = issue(badge)
    type(row).objects.update(issued_at=PAST)
    act(sandbox, row.external_uuid, "delete")
    learner = UserFactory(organization=badge.organization)
    issue_there(sandbox, badge, email=learner.email)
    compare(account)
    return {Kind(found.kind): found for found in Difference.objects.all()}


def test_the_list_shows_what_is_open_and_what_to_do(pages, differences):
    ended = Difference.objects.create(
        badge_provider=differences[Kind.MISSING].badge_provider, kind=Kind.TWICE, resolved_at=timezone.now()
    )
    page = pages.get(reverse(LIST))
    assert page.context["cl"].result_count == 2
    assert "Adopt it" in words(page)
    assert pages.get(reverse(LIST), {"state": "resolved"}).context["cl"].result_count == 1
    assert pages.get(reverse(LIST), {"state": "all"}).context["cl"].result_count == 3
    assert pages.get(reverse(LIST), {"kind__exact": "missing"}).context["cl"].result_count == 1
    assert pages.get(reverse(RECORD, args=[ended.pk])).status_code == 200


def test_each_record_offers_what_helps(pages, differences):
    adoptable = words(pages.get(reverse(RECORD, args=[differences[Kind.UNEXPECTED].pk])))
    gone = words(pages.get(reverse(RECORD, args=[differences[Kind.MISSING].pk])))
    assert 'value="adopt"' in adoptable
    assert 'value="mark_removed"' not in adoptable
    assert 'value="mark_removed"' in gone
    assert 'value="ignore"' in adoptable


def test_adopting_and_marking_as_removed(pages, differences):
    answer = do(pages, "adopt", *differences.values())
    assert "1 badge was adopted." in words(answer)
    assert "This does not help here." in words(answer)
    answer = do(pages, "mark_removed", differences[Kind.MISSING])
    assert "1 badge was marked as removed." in words(answer)
    assert stored(differences[Kind.MISSING].issued_badge).status == S.REMOVED
    assert not Difference.objects.filter(resolved_at=None).exists()


def test_issuing_again_asks_for_a_reason(pages, differences):
    asked = do(pages, "issue_again", differences[Kind.MISSING])
    assert 'name="reason"' in words(asked)
    answer = do(pages, "issue_again", differences[Kind.MISSING], reason="Deleted by mistake")
    assert "1 badge is issued again." in words(answer)
    learner = differences[Kind.MISSING].learner
    assert {row.status for row in learner.issued_badges.all()} == {S.REMOVED, S.QUEUED}


def test_ignoring_asks_for_a_reason_and_hides_what_is_ignored(pages, administrator, differences):
    assert 'name="reason"' in words(do(pages, "ignore", *differences.values()))
    answer = do(pages, "ignore", *differences.values(), reason="Both are known")
    assert "2 differences are ignored." in words(answer)
    assert answer.context["cl"].result_count == 0
    assert pages.get(reverse(LIST), {"state": "ignored"}).context["cl"].result_count == 2
    assert set(Difference.objects.values_list("decision", "decided_by")) == {
        ("Both are known", administrator.pk)
    }


def test_all_that_a_filter_finds_can_be_ignored_at_once(pages, differences):
    url = f"{reverse(LIST)}?kind__exact=missing"
    pages.post(
        url,
        {
            "action": "ignore",
            "_selected_action": [differences[Kind.MISSING].pk],
            "select_across": "1",
            "reason": "All of these",
        },
    )
    assert [row.kind for row in Difference.objects.exclude(ignored_at=None)] == [Kind.MISSING]


def test_only_as_many_are_asked_for_as_a_person_waits_for(pages, differences, monkeypatch):
    monkeypatch.setattr(admin_differences, "MOST_AT_ONCE", 1)
    answer = do(pages, "refresh", *differences.values())
    assert "at most 1" in words(answer)


def test_a_record_is_refreshed_from_its_own_page(sandbox, pages, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    page = words(pages.get(reverse("admin:badges_issuedbadge_change", args=[row.pk])))
    assert 'value="refresh"' in page
    answer = do(pages, "refresh", row, url="admin:badges_issuedbadge_changelist")
    assert "1 badge was read again." in words(answer)
    assert stored(row).status == S.ACCEPTED


def test_a_record_is_corrected_from_its_own_page(pages, badge):
    row = issue(badge)
    type(row.learner).objects.update(first_name="Augusta")
    page = words(pages.get(reverse("admin:badges_issuedbadge_change", args=[row.pk])))
    assert 'value="correct"' in page
    answer = do(pages, "correct", row, url="admin:badges_issuedbadge_changelist")
    assert "1 badge is being corrected." in words(answer)
    assert stored(row).correction_due_at is not None


def test_a_record_that_has_not_been_sent_is_not_corrected(pages, badge):
    row = IssuedBadgeFactory(badge=badge, status=S.FAILED)
    page = words(pages.get(reverse("admin:badges_issuedbadge_change", args=[row.pk])))
    assert 'value="correct"' not in page
    answer = do(pages, "correct", row, url="admin:badges_issuedbadge_changelist")
    assert "Only an issued badge can be corrected; this one is: Failed." in words(answer)
    assert stored(row).correction_due_at is None


def test_refreshing_a_difference_looks_at_its_badge(sandbox, account, badge, pages):
    row = issue(badge)
    type(row).objects.update(recipient_email="new@example.org")
    compare(account)
    difference = Difference.objects.get()
    type(row).objects.update(recipient_email=row.recipient_email)
    do(pages, "refresh", difference)
    difference.refresh_from_db()
    assert difference.resolved_at is not None


def test_an_event_is_processed_again_from_its_page(account, pages):
    event = ProviderEvent.objects.create(
        badge_provider=account,
        external_id="e-1",
        kind="badge.created",
        processed_at=timezone.now(),
        outcome=ProviderEvent.Outcome.GIVEN_UP,
    )
    url = "admin:badges_providerevent_changelist"
    page = pages.get(reverse("admin:badges_providerevent_change", args=[event.pk]))
    assert 'value="process_again"' in words(page)
    assert pages.get(reverse(url), {"outcome": "given_up"}).context["cl"].result_count == 1
    assert pages.get(reverse(url), {"outcome": "waiting"}).context["cl"].result_count == 0
    assert "1 event is processed again." in words(do(pages, "process_again", event, url=url))
    event.refresh_from_db()
    assert (event.processed_at, event.outcome) == (None, "")
    assert "Waiting" in words(pages.get(reverse(url)))


# --- On the dashboard, and for monitoring -------------------------------------------------------------------


@pytest.fixture
def open_ones(account, badge):
    other = BadgeFactory()
    ignored = Difference(
        badge_provider=account, kind=Kind.TWICE, external_uuid="x", ignored_at=timezone.now()
    )
    rows = [
        Difference(badge_provider=account, kind=Kind.MISSING, external_uuid=f"m-{number}")
        for number in range(3)
    ]
    rows += [Difference(badge_provider=other.badge_provider, kind=Kind.STATE, external_uuid="s"), ignored]
    Difference.objects.bulk_create(rows)


def test_the_dashboard_counts_what_is_open_and_leads_to_it(pages, account, open_ones):
    page = words(pages.get("/"))
    assert "Differences with badge providers" in page
    assert f"{reverse(LIST)}?kind__exact=missing" in page
    assert "kind__exact=state" not in page
    assert "kind__exact=twice" not in page
    assert "Could not be compared" not in page


def test_the_dashboard_tells_of_an_account_that_could_not_be_compared(pages, account):
    finished = {"started_at": PAST, "active_at": PAST, "finished_at": PAST}
    Comparison.objects.create(badge_provider=account, **finished, problem="An old problem.")
    Comparison.objects.create(badge_provider=account, **finished, problem="Nobody answers.")
    Comparison.objects.create(badge_provider=account, started_at=PAST, active_at=PAST)  # goes on now
    page = words(pages.get("/"))
    assert "Nobody answers." in page
    assert "An old problem." not in page
    Comparison.objects.filter(finished_at=None).update(finished_at=PAST)
    assert "Badge providers to look after" not in words(pages.get("/"))


def test_learners_and_strangers_see_no_differences(client, open_ones):
    for person in (UserFactory(), AdministratorFactory()):
        client.force_login(person)
        assert "Differences with badge providers" not in words(client.get("/"))


def test_the_dashboard_costs_the_same_however_many_there_are(
    pages, account, badge, open_ones, django_assert_max_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    pages.get("/")
    with CaptureQueriesContext(connection) as few:
        pages.get("/")
    for number in range(5):
        provider = BadgeProviderFactory(organization=account.organization)
        Difference.objects.create(badge_provider=provider, kind=Kind.PERSON, external_uuid=f"p-{number}")
        Comparison.objects.create(
            badge_provider=provider, started_at=PAST, active_at=PAST, finished_at=PAST, problem="Away."
        )
    with django_assert_max_num_queries(len(few)):
        pages.get("/")


def test_monitoring_counts_differences_and_what_waits(account, badge, open_ones):
    from badges.metrics import METRICS

    ProviderEvent.objects.create(badge_provider=account, external_id="e-1", kind="x", received_at=PAST)
    ProviderEvent.objects.create(
        badge_provider=account,
        external_id="e-2",
        kind="x",
        processed_at=PAST,
        outcome=ProviderEvent.Outcome.GIVEN_UP,
    )
    text = exposition(METRICS)
    assert 'badges_differences{kind="missing"} 3' in text
    assert 'badges_differences{kind="twice"} 0' in text
    assert "badges_provider_events_given_up 1" in text
    age = float(text.split("\nbadges_oldest_provider_event_seconds ")[1].split()[0])
    assert age > (timezone.now() - PAST).total_seconds() - 60


def test_a_record_that_stands_for_nothing_is_not_refreshed(pages, badge):
    row = IssuedBadgeFactory(badge=badge, status=S.ISSUED)
    answer = do(pages, "refresh", row, url="admin:badges_issuedbadge_changelist")
    assert "Only a badge that the provider has" in words(answer)


def test_an_account_is_compared_from_its_own_page(sandbox, account, badge, pages):
    compare(account)
    page = words(pages.get(reverse("admin:providers_badgeprovider_change", args=[account.pk])))
    assert "0 open differences" in page
    assert 'value="compare"' in page
    answer = do(pages, "compare", account, url="admin:providers_badgeprovider_changelist")
    assert "1 account is compared now." in words(answer)
    account.refresh_from_db()
    assert account.compared_at is None
