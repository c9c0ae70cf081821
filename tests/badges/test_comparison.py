"""A whole account against our records, both ways, mostly over real HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from badges import comparison
from badges.comparison import compare, compare_due
from badges.ending import revoke
from badges.models import Comparison, Difference
from badges.reflection import refresh
from badges.status import Status
from providers import accounts
from providers.base import OutcomeUnknown, ProviderBadge, Standing
from providers.credly import Credly
from providers.models import BadgeProvider
from tests.badges.conftest import stored, timeline
from tests.badges.stories import act, issue, issue_there
from tests.factories import (
    PAST,
    AdministratorFactory,
    BadgeFactory,
    BadgeProviderFactory,
    IssuedBadgeFactory,
    UserFactory,
)
from tests.providers.conftest import REPEATABLE
from tms.errors import Conflict, NotFound, Unanswered

S = Status
Kind = Difference.Kind
pytestmark = pytest.mark.django_db


def open_differences() -> set[tuple[str, str]]:
    rows = Difference.objects.filter(resolved_at=None)
    return set(rows.values_list("kind", "external_uuid"))


def long_ago(row):
    """Issued so long ago that it must be listed by now."""
    type(row).objects.filter(pk=row.pk).update(issued_at=PAST)
    return stored(row)


@pytest.fixture
def listed(monkeypatch):
    """What the provider lists from now on, whatever it has."""
    told: list[ProviderBadge | Exception] = []

    def badges(self, *, changed_since=None):
        for item in told:
            if isinstance(item, Exception):
                raise item
            yield item

    monkeypatch.setattr(Credly, "badges", badges)
    return told


def there(row, **given: Any) -> ProviderBadge:
    return ProviderBadge(
        **{
            "external_id": row.external_uuid,
            "state": "pending",
            "standing": Standing.PENDING,
            "template_id": row.badge.template_id,
            "email": row.recipient_email,
            **given,
        }
    )


# --- What is found ------------------------------------------------------------------------------------------


def test_two_sides_that_agree_differ_in_nothing(sandbox, account, badge):
    for _number in range(3):
        long_ago(issue(badge))
    run = compare(account)
    assert (run.seen, run.matched, run.followed, run.differences, run.problem) == (3, 3, 0, 0, "")
    assert run.finished_at is not None
    account.refresh_from_db()
    assert account.compared_at == run.started_at
    assert not Difference.objects.exists()


def test_every_way_to_differ_is_found_and_resolves_itself(sandbox, account, badge):
    accepted, removed = long_ago(issue(badge)), long_ago(issue(badge))
    act(sandbox, accepted.external_uuid, "accept")
    act(sandbox, removed.external_uuid, "delete")
    moved = long_ago(issue(badge))
    type(moved).objects.filter(pk=moved.pk).update(recipient_email="new@example.org")
    revoked = long_ago(issue(badge))
    type(revoked).objects.filter(pk=revoked.pk).update(status=S.REVOKED)
    learner = UserFactory(organization=badge.organization)
    stranger = issue_there(sandbox, badge, email=learner.email)
    repeatable = BadgeFactory(
        organization=account.organization, badge_provider=account, template_id=REPEATABLE
    )
    twice = long_ago(issue(repeatable))
    twin = issue_there(sandbox, repeatable, email=twice.recipient_email)

    run = compare(account)

    assert (run.seen, run.matched, run.followed, run.differences) == (6, 4, 1, 5)
    assert stored(accepted).status == S.ACCEPTED
    assert open_differences() == {
        (Kind.MISSING, removed.external_uuid),
        (Kind.PERSON, moved.external_uuid),
        (Kind.STATE, revoked.external_uuid),
        (Kind.UNEXPECTED, stranger),
        (Kind.TWICE, twin),
    }

    type(moved).objects.filter(pk=moved.pk).update(recipient_email=moved.recipient_email)
    for uuid in (revoked.external_uuid, stranger, twin):
        act(sandbox, uuid, "revoke")
    assert compare(account).differences == 1
    assert open_differences() == {(Kind.MISSING, removed.external_uuid)}
    assert set(Difference.objects.exclude(resolved_at=None).values_list("decision", flat=True)) == {
        "Both say the same now."
    }


def test_a_badge_that_slips_between_two_pages_is_not_called_missing(sandbox, account, badge, listed):
    row = long_ago(issue(badge))
    assert compare(account).differences == 0
    assert stored(row).status == S.ISSUED


def test_what_was_issued_a_moment_ago_need_not_be_listed_yet(sandbox, account, badge, listed, monkeypatch):
    issue(badge)
    monkeypatch.setattr(Credly, "find", lambda self, request: [])
    assert compare(account).differences == 0


def test_what_is_being_revoked_is_nobodys_difference(account, badge, listed):
    row = IssuedBadgeFactory(badge=badge, status=S.ISSUED, external_uuid="x-1", issued_at=PAST)
    revoke(row, reason="By mistake", actor=None)
    assert compare(account).differences == 0


def test_an_account_that_lists_nothing_of_ours_is_doubted_rather_than_believed(account, badge, listed):
    for number in range(comparison.SUSPICIOUS):
        IssuedBadgeFactory(badge=badge, status=S.ISSUED, external_uuid=f"x-{number}", issued_at=PAST)
    run = compare(account)
    assert "none of the 20 badges" in run.problem
    assert not Difference.objects.exists()
    assert BadgeProvider.objects.get().compared_at is None


def test_many_badges_are_compared_in_as_many_statements_a_chunk_as_few(
    account, badge, listed, django_assert_max_num_queries
):
    rows = [
        IssuedBadgeFactory(badge=badge, status=S.ISSUED, external_uuid=f"x-{number}", issued_at=PAST)
        for number in range(60)
    ]
    listed += [there(row) for row in rows]
    with django_assert_max_num_queries(21):
        assert compare(account).matched == 60
    with django_assert_max_num_queries(21):
        compare(account)


# --- What goes wrong ----------------------------------------------------------------------------------------


def test_a_list_that_breaks_off_resolves_nothing_and_is_tried_again(account, badge, listed, monkeypatch):
    monkeypatch.setattr(comparison, "CHUNK", 1)
    row = IssuedBadgeFactory(badge=badge, status=S.REVOKED, external_uuid="x-1")
    other = IssuedBadgeFactory(badge=badge, status=S.REVOKED, external_uuid="x-2")
    listed += [there(row), there(other)]
    compare(account)
    BadgeProvider.objects.update(compared_at=None)
    listed[1] = OutcomeUnknown("The second page never came.")
    run = compare(account)
    assert (run.seen, run.problem) == (1, "The second page never came.")
    assert run.finished_at is not None
    assert len(open_differences()) == 2
    assert BadgeProvider.objects.get().compared_at is None
    del listed[1]
    listed.append(there(other, standing=Standing.REVOKED, state="revoked"))
    (run,) = compare_due()
    assert (run.problem, open_differences()) == ("", {(Kind.STATE, "x-1")})


def test_a_provider_that_is_down_leaves_everything_as_it_was(sandbox, account, badge):
    row = long_ago(issue(badge))
    sandbox.stop()
    run = compare(account)
    assert "cannot be reached" in run.problem
    assert (stored(row).status, open_differences()) == (S.ISSUED, set())


def test_a_provider_that_goes_away_before_the_last_question_calls_nothing_missing(
    account, badge, listed, monkeypatch
):
    def find(self, request):
        raise OutcomeUnknown("Gone.")

    IssuedBadgeFactory(badge=badge, status=S.ISSUED, external_uuid="x-1", issued_at=PAST)
    monkeypatch.setattr(Credly, "find", find)
    run = compare(account)
    assert (run.problem, open_differences()) == ("Gone.", set())


def test_a_refused_account_is_paused(sandbox, account, badge):
    accounts.save_provider(account, new_token="revoked-yesterday")
    assert compare(account).problem
    account.refresh_from_db()
    assert account.paused_at is not None
    assert compare_due() == []


def test_two_comparisons_of_one_account_do_not_run_at_once(account, badge, listed):
    Comparison.objects.create(badge_provider=account, started_at=timezone.now(), active_at=timezone.now())
    with pytest.raises(Conflict):
        compare(account)


def test_a_comparison_whose_worker_died_gives_way_after_a_while(account, badge, listed):
    before = timezone.now() - timedelta(minutes=16)
    dead = Comparison.objects.create(badge_provider=account, started_at=before, active_at=before)
    compare(account)
    dead.refresh_from_db()
    assert dead.problem == "The worker did not come back."


def test_a_comparison_that_was_given_up_stops(account, badge, listed, monkeypatch):
    row = IssuedBadgeFactory(badge=badge, status=S.REVOKED, external_uuid="x-1")

    class Slow(list):
        def __iter__(self):
            Comparison.objects.update(finished_at=timezone.now(), problem="Given up.")
            yield there(row)

    monkeypatch.setattr(Credly, "badges", lambda self: iter(Slow()))
    with pytest.raises(Conflict):
        compare(account)
    assert Comparison.objects.get().problem == "Given up."


def test_an_unforeseen_failure_is_told_and_stops_no_other_account(account, badge, listed):
    other = BadgeFactory()
    listed.append(RuntimeError("A mistake of ours."))
    assert compare_due() == []
    problems = Comparison.objects.values_list("badge_provider", "problem")
    assert set(problems) == {(account.pk, "RuntimeError"), (other.badge_provider_id, "RuntimeError")}


# --- When ---------------------------------------------------------------------------------------------------


def test_the_schedule_compares_each_account_once_a_night(account, badge, listed):
    assert [run.badge_provider for run in compare_due()] == [account]
    assert compare_due() == []
    BadgeProvider.objects.update(compared_at=timezone.now() - timedelta(hours=20))
    assert len(compare_due()) == 1


@pytest.mark.parametrize(
    "given",
    [{"is_enabled": False}, {"paused_at": timezone.now()}, {"kind": "open_badges"}],
    ids=lambda given: next(iter(given)),
)
def test_accounts_that_cannot_be_asked_are_not_compared(given, listed):
    BadgeFactory(badge_provider=BadgeProviderFactory(**given))
    assert compare_due() == []


def test_an_account_without_badges_has_nothing_to_compare(listed):
    BadgeProviderFactory()
    assert compare_due() == []


def test_nothing_is_asked_while_badges_are_switched_off(account, badge, listed, settings):
    settings.BADGES_ENABLED = False
    assert compare_due() == []


def test_one_worker_compares_and_takes_up_what_is_asked_for_meanwhile(account, badge, monkeypatch):
    """Whoever comes while it goes on is free for other work at once."""
    others = [BadgeFactory().badge_provider for _number in range(2)]
    BadgeProvider.objects.filter(pk=others[0].pk).update(compared_at=timezone.now() - timedelta(days=1))
    BadgeProvider.objects.filter(pk=others[1].pk).update(compared_at=timezone.now())
    found_by_the_second = []

    def badges(self):
        found_by_the_second.append(compare_due())
        BadgeProvider.objects.filter(pk=others[1].pk).update(compared_at=None)
        return iter(())

    monkeypatch.setattr(Credly, "badges", badges)
    assert [run.badge_provider for run in compare_due()] == [account, others[1], others[0]]
    assert found_by_the_second == [[], [], []]


def test_a_person_need_not_wait_for_the_night(account, badge, listed):
    compare_due()
    administrator = AdministratorFactory(organization=account.organization)
    comparison.ask(account, actor=administrator)
    assert len(compare_due()) == 1
    with pytest.raises(NotFound):
        comparison.ask(account, actor=AdministratorFactory())
    accounts.pause(account, reason="For the test.")
    with pytest.raises(Conflict):
        comparison.ask(account, actor=administrator)


def test_only_who_manages_the_account_compares_it(account, badge, listed):
    with pytest.raises(NotFound):
        compare(account, actor=AdministratorFactory())
    administrator = AdministratorFactory(organization=account.organization)
    assert compare(account, actor=administrator).actor == administrator


# --- One badge ----------------------------------------------------------------------------------------------


def test_refreshing_reads_the_badge_and_brings_its_record_there(sandbox, account, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "accept")
    administrator = AdministratorFactory(organization=account.organization)
    assert refresh(row, actor=administrator).status == S.ACCEPTED
    event = row.events.last()
    assert (event.reason, event.actor) == ("Read again at the provider.", administrator)
    refresh(row)
    assert timeline(row)[-1] == "issued → accepted"


def test_refreshing_a_badge_that_is_gone_writes_down_that_it_is_missing(sandbox, account, badge):
    row = issue(badge)
    act(sandbox, row.external_uuid, "delete")
    with pytest.raises(Conflict) as refusal:
        refresh(row)
    assert refusal.value.code == "missing_at_provider"
    assert stored(row).status == S.ISSUED
    assert open_differences() == {(Kind.MISSING, row.external_uuid)}


def test_only_what_the_provider_has_can_be_refreshed(badge):
    row = IssuedBadgeFactory(badge=badge)
    with pytest.raises(Conflict) as refusal:
        refresh(row)
    assert refusal.value.code == "not_at_provider"


def test_refreshing_while_the_provider_is_down_says_so(sandbox, account, badge):
    row = issue(badge)
    sandbox.stop()
    with pytest.raises(Unanswered) as trouble:
        refresh(row)
    assert "cannot be reached" in trouble.value.message
    assert stored(row).status == S.ISSUED


def test_a_stranger_refreshes_nothing(badge):
    row = IssuedBadgeFactory(badge=badge, status=S.ISSUED, external_uuid="x-1")
    with pytest.raises(NotFound):
        refresh(row, actor=AdministratorFactory())


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_provider_is_asked(sandbox, account, badge, monkeypatch):
    from django.db import connection

    row = long_ago(issue(badge))
    real_find, real_badges = Credly.find, Credly.badges
    seen: list[bool] = []

    def find(self, request):
        seen.append(connection.in_atomic_block)
        return real_find(self, request)

    def badges(self):
        seen.append(connection.in_atomic_block)
        yield from real_badges(self)
        seen.append(connection.in_atomic_block)

    monkeypatch.setattr(Credly, "find", find)
    monkeypatch.setattr(Credly, "badges", badges)
    refresh(row)
    compare(account)
    assert seen == [False, False, False]


# --- By hand ------------------------------------------------------------------------------------------------


def run_command(*arguments: str) -> tuple[int, Any]:
    out = StringIO()
    try:
        call_command("compare_providers", *arguments, "--json", stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_the_command_tells_how_accounts_stand(sandbox, account, badge):
    row = long_ago(issue(badge))
    code, data = run_command()
    assert (code, data["failed"], data["differences"]) == (0, [], [])
    (told,) = data["compared"]
    assert (told["badge_provider"], told["seen"], told["matched"]) == (account.pk, 1, 1)
    act(sandbox, row.external_uuid, "delete")
    code, data = run_command(str(account.pk))
    assert code == 1
    (difference,) = data["differences"]
    assert (difference["kind"], difference["issued_badge"]) == ("missing", row.pk)
    assert difference["remedy"]


def test_the_command_fails_when_an_account_cannot_be_read(sandbox, account, badge):
    sandbox.stop()
    code, data = run_command()
    assert (code, len(data["failed"])) == (1, 1)
    assert "cannot be reached" in data["failed"][0]["problem"]


def test_the_command_in_words(sandbox, account, badge):
    long_ago(issue(badge))
    out = StringIO()
    call_command("compare_providers", stdout=out)
    assert "1 badge" in out.getvalue()


def test_the_command_needs_an_account_that_there_is():
    with pytest.raises(CommandError) as refusal:
        call_command("compare_providers", "nobody")
    assert refusal.value.returncode == 2
