"""Today's name and address, written to badges that the provider has."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from badges import errands, lifecycle
from badges.corrections import correct, correct_all
from badges.delivery import deliver
from badges.ending import revoke
from badges.lifecycle import Move, move
from badges.models import IssuedBadge
from badges.outcomes import MAX_ATTEMPTS
from badges.status import Status
from providers.accredible import Accredible
from providers.base import Ability, OutcomeUnknown, ProviderBadge, Rejected, Standing, Transient
from providers.credly import Credly
from providers.models import BadgeProvider
from tests.badges.conftest import stored
from tests.factories import AdministratorFactory, BadgeFactory, IssuedBadgeFactory, UserFactory
from tms import gates
from tms.errors import Conflict, DomainError, NotFound
from tms.models import User

S = Status
pytestmark = pytest.mark.django_db


def issued(badge, **given) -> IssuedBadge:
    """A badge that the provider has."""
    row: IssuedBadge = IssuedBadgeFactory(
        badge=badge, **{"learner__first_name": "Ada", "learner__last_name": "Byron", **given}
    )
    deliver()
    row.refresh_from_db()
    assert row.status == S.ISSUED
    return row


def marries(row: IssuedBadge, *, email: str = "") -> IssuedBadge:
    """Her name, and perhaps her address, is another one from now on."""
    learner = User.objects.get(pk=row.learner_id)
    learner.last_name = "Lovelace"
    learner.email = email or learner.email
    gates.save_user(learner)
    return IssuedBadge.objects.select_related("learner").get(pk=row.pk)


def names_at(sandbox) -> list[tuple[str, str]]:
    """Last name and state of what the sandbox has, oldest first."""
    return [(there["issued_to_last_name"], there["state"]) for there in sandbox.badges()]


@pytest.fixture
def answers(monkeypatch):
    """Let the adapter's `correct` give these answers, one after the other."""

    def give(*told):
        waiting = list(told)

        def act(adapter, external_id, request):
            answer = waiting.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(Credly, "correct", act)

    return give


# --- What reaches the provider ------------------------------------------------------------------------------


def test_a_name_is_corrected_at_credly_by_a_badge_in_its_place(sandbox, badge):
    row = marries(issued(badge))
    old = row.external_uuid
    admin = AdministratorFactory(organization=badge.organization)
    correct(row, actor=admin)
    assert stored(row).correction_due_at
    assert names_at(sandbox) == [("Byron", "pending")]
    assert errands.run() == 1
    after = stored(row)
    assert [name for name, _state in names_at(sandbox)] == ["Byron", "Lovelace"]
    [replaced, current] = sandbox.badges()
    assert (after.external_uuid, current["replaces_badge_id"]) == (current["id"], old)
    assert replaced["replacement_badge_id"] == after.external_uuid
    assert (after.status, after.correction_due_at, after.correction_problem) == (S.ISSUED, None, "")
    assert current["issued_at"] == replaced["issued_at"]
    asked, done = row.events.order_by("-pk")[:2][::-1]
    assert (asked.actor, asked.reason) == (admin, "To be corrected: the name.")
    assert done.reason == f"Corrected at the provider: {after.external_uuid} is in the place of {old}."
    assert "Lovelace" not in str(done.data)
    assert errands.run() == 0


def test_name_and_address_are_corrected_in_place_at_accredible(sandbox, accredible_badge):
    row = marries(issued(accredible_badge), email="countess@example.org")
    before = row.external_uuid
    correct(row, actor=None)
    errands.run()
    after = stored(row)
    [there] = sandbox.received()["credentials"]
    assert (there["recipient_name"], there["recipient_email"]) == ("Ada Lovelace", "countess@example.org")
    assert (after.external_uuid, after.recipient_email) == (before, "countess@example.org")
    assert (after.correction_due_at, after.correction_includes_email) == (None, False)
    assert row.events.last().reason == "Corrected at the provider."


def test_the_name_alone_leaves_the_address_as_it_is(sandbox, accredible_badge):
    row = marries(issued(accredible_badge), email="countess@example.org")
    correct(row, email=False, actor=None)
    errands.run()
    [there] = sandbox.received()["credentials"]
    assert (there["recipient_name"], there["recipient_email"]) == ("Ada Lovelace", row.recipient_email)
    assert stored(row).recipient_email == row.recipient_email != "countess@example.org"


def test_nothing_that_a_replacement_leaves_out_is_lost(sandbox, badge):
    end = (timezone.now() + timedelta(days=90)).replace(microsecond=0)
    evidence = [{"name": "Talk", "description": "On stage.", "url": "https://example.org/talk"}]
    row = marries(issued(badge, expires_at=end, evidence=evidence))
    correct(row, actor=None)
    errands.run()
    replaced, current = sandbox.badges()
    for name in ("issuer_earner_id", "recipient_email", "expires_at", "evidence", "issued_at"):
        assert current[name] == replaced[name], name
    assert current["evidence"][0]["value"] == "https://example.org/talk"
    assert stored(row).expires_at == end


def test_an_accepted_badge_may_wait_to_be_accepted_again(badge, answers):
    row = issued(badge)
    move(Move(issued_badge_id=row.pk, from_status=S.ISSUED, to_status=S.ACCEPTED))
    correct(row, actor=None)
    answers(
        ProviderBadge(
            external_id="new", state="pending", standing=Standing.PENDING, accept_url="https://x.example/new"
        )
    )
    errands.run()
    after = stored(row)
    assert (after.status, after.external_state, after.external_uuid) == (S.ISSUED, "pending", "new")
    assert after.accept_url == "https://x.example/new"


# --- Refused before any call --------------------------------------------------------------------------------


def test_an_address_that_credly_keeps_is_refused_with_what_to_do_instead(sandbox, badge):
    row = marries(issued(badge), email="countess@example.org")
    calls = len(sandbox.received()["requests"])
    with pytest.raises(DomainError) as refused:
        correct(row, actor=None)
    assert refused.value.code == "email_not_correctable"
    assert "Credly keeps the address that a badge was issued to." in refused.value.message
    assert "issue it again" in refused.value.message
    assert stored(row).correction_due_at is None
    correct(row, email=False, actor=None)
    assert len(sandbox.received()["requests"]) == calls
    errands.run()
    after = stored(row)
    assert (after.recipient_email, names_at(sandbox)[-1][0]) == (row.recipient_email, "Lovelace")


def test_a_provider_that_changes_nothing_is_not_asked(badge, monkeypatch):
    row = issued(badge)
    monkeypatch.setattr(Credly, "abilities", frozenset())
    with pytest.raises(DomainError) as refused:
        correct(row, actor=None)
    assert refused.value.code == "not_correctable"
    assert "Revoke it and issue it again" in refused.value.message
    assert stored(row).correction_due_at is None


@pytest.mark.parametrize("status", sorted(set(S) - {S.ISSUED, S.ACCEPTED}))
def test_only_what_the_learner_has_is_corrected(status):
    row = IssuedBadgeFactory(status=status, external_uuid="x-1")
    with pytest.raises(Conflict) as refused:
        correct(row, actor=None)
    assert refused.value.code == "not_issued"
    assert str(row.issued_status) in refused.value.message
    assert stored(row).correction_due_at is None


def test_correcting_is_for_administrators_of_the_badge():
    learner = UserFactory()
    row = IssuedBadgeFactory(badge=BadgeFactory(), learner=learner, status=S.ISSUED, external_uuid="x-1")
    for actor in (learner, AdministratorFactory(), AdministratorFactory(organization=learner.organization)):
        with pytest.raises(NotFound):
            correct(row, actor=actor)
        assert correct_all(IssuedBadge.objects.all(), email=False, actor=actor).asked == 0
    assert stored(row).correction_due_at is None


# --- Many ---------------------------------------------------------------------------------------------------


def test_of_many_each_is_asked_or_refused_with_its_reason(badge, accredible_badge):
    admin = UserFactory(is_superuser=True)
    for number, of_badge in enumerate((badge, accredible_badge)):
        IssuedBadgeFactory(badge=of_badge, status=S.ISSUED, external_uuid=f"a-{number}")
        moved_away = IssuedBadgeFactory(badge=of_badge, status=S.ISSUED, external_uuid=f"b-{number}")
        IssuedBadge.objects.filter(pk=moved_away.pk).update(recipient_email="old@example.org")
        IssuedBadgeFactory(badge=of_badge, status=S.QUEUED)
    done = correct_all(IssuedBadge.objects.all(), email=True, actor=admin)
    assert done.asked == 3
    assert {refused.code: refused.count for refused in done.refused} == {
        "not_issued": 2,
        "email_not_correctable": 1,
    }
    due = IssuedBadge.objects.filter(correction_due_at__isnull=False)
    assert set(due.values_list("badge", "correction_includes_email")) == {
        (badge.pk, False),
        (accredible_badge.pk, True),
    }


def test_many_take_as_many_statements_as_few(badge):
    def statements(count: int) -> int:
        for number in range(count):
            IssuedBadgeFactory(badge=badge, status=S.ISSUED, external_uuid=f"x-{number}")
        with CaptureQueriesContext(connection) as captured:
            assert correct_all(IssuedBadge.objects.all(), email=True, actor=None).asked == count
        IssuedBadge.objects.all().delete()
        return len(captured)

    assert statements(2) == statements(20)


# --- Answers ------------------------------------------------------------------------------------------------


def there(external_id="new", **given):
    return ProviderBadge(
        **{"external_id": external_id, "state": "pending", "standing": Standing.PENDING, **given}
    )


@pytest.mark.parametrize(
    "trouble", [Transient("Busy."), Transient("Busy.", retry_after=120), OutcomeUnknown("Lost.")]
)
def test_a_correction_that_was_not_answered_is_asked_for_again(badge, answers, later, trouble):
    row = issued(badge)
    correct(row, actor=None)
    answers(trouble, there())
    assert errands.run() == 1
    after = stored(row)
    assert (after.claim_token, after.correction_problem, after.attempts) == (None, "", 1)
    assert after.correction_due_at > timezone.now()
    with later(seconds=200):
        errands.run()
    assert (stored(row).external_uuid, stored(row).correction_due_at) == ("new", None)


def test_a_correction_whose_answer_was_lost_is_not_made_twice(sandbox, badge, later):
    row = marries(issued(badge))
    correct(row, actor=None)
    sandbox.order(lost_response=1, times=1)
    errands.run()
    assert stored(row).external_uuid == row.external_uuid
    with later(seconds=10):
        errands.run()
    assert len(sandbox.badges()) == 2
    assert stored(row).external_uuid == sandbox.badges()[-1]["id"]


def test_a_refusal_stays_on_the_row_in_the_providers_words(badge, answers):
    row = issued(badge)
    correct(row, actor=None)
    answers(Rejected("The provider refused.", status=422, provider_message="Not this name."))
    errands.run()
    after = stored(row)
    assert after.correction_problem == "The provider refused. Not this name."
    assert (after.status, after.correction_due_at, after.claim_token) == (S.ISSUED, None, None)
    assert row.events.last().reason == "Not corrected: The provider refused. Not this name."
    correct(row, actor=None)
    assert stored(row).correction_problem == ""


def test_a_learner_without_a_name_is_not_sent(sandbox, badge):
    row = issued(badge)
    User.objects.filter(pk=row.learner_id).update(first_name="")
    correct(row, actor=None)
    errands.run()
    assert stored(row).correction_problem == "The provider needs a first and a last name."
    assert len(sandbox.badges()) == 1


def test_a_correction_is_given_up_at_last(badge, answers):
    row = issued(badge)
    correct(row, actor=None)
    IssuedBadge.objects.update(attempts=MAX_ATTEMPTS - 1)
    answers(OutcomeUnknown("No answer."))
    errands.run()
    after = stored(row)
    assert (after.correction_due_at, after.correction_problem) == (None, "No answer.")


def test_a_refused_account_pauses_and_the_correction_waits(sandbox, badge):
    row = marries(issued(badge))
    correct(row, actor=None)
    account = badge.badge_provider
    BadgeProvider.objects.filter(pk=account.pk).update(provider_organization_id="")
    errands.run()
    account.refresh_from_db()
    assert not account.is_usable
    assert stored(row).correction_due_at
    assert errands.run() == 0


# --- At the same time ---------------------------------------------------------------------------------------


def test_a_row_that_somebody_works_on_is_left_alone(badge):
    row = issued(badge)
    correct(row, actor=None)
    [claimed] = lifecycle.claim_errands("correction_due_at", [S.ISSUED], 5)
    assert lifecycle.claim_errands("correction_due_at", [S.ISSUED], 5) == []
    assert claimed.claim_token


def test_a_worker_that_died_leaves_the_correction_to_the_next(sandbox, badge, later):
    row = marries(issued(badge))
    correct(row, actor=None)
    lifecycle.claim_errands("correction_due_at", [S.ISSUED], 5)
    assert errands.run() == 0
    with later(lease=1.1):
        assert errands.run() == 1
    assert names_at(sandbox)[-1][0] == "Lovelace"


def test_a_badge_that_was_accepted_meanwhile_keeps_what_the_provider_did(badge, monkeypatch):
    """The row moves while the provider corrects, which ends the claim: its badge is another one all the same."""
    row = issued(badge)
    correct(row, actor=None)
    [claimed] = lifecycle.claim_errands("correction_due_at", [S.ISSUED], 1)
    move(Move(issued_badge_id=row.pk, from_status=S.ISSUED, to_status=S.ACCEPTED))
    errands._settle_corrections([(claimed, there(standing=Standing.ACCEPTED, state="accepted"))])
    after = stored(row)
    assert (after.status, after.external_uuid, after.correction_due_at) == (S.ACCEPTED, "new", None)


def test_a_badge_that_is_to_be_revoked_is_not_corrected_first(sandbox, badge):
    row = marries(issued(badge))
    correct(row, actor=None)
    revoke(row, reason="In error.", actor=None)
    assert errands.run() == 0
    deliver()
    assert names_at(sandbox) == [("Byron", "revoked")]
    assert stored(row).correction_due_at is None


@pytest.mark.parametrize("limit", [1, 3])
def test_errands_keep_to_what_an_account_may_be_called(badge, limit):
    for number in range(3):
        row = IssuedBadgeFactory(badge=badge, status=S.ISSUED, external_uuid=f"x-{number}")
        correct(row, actor=None)
    BadgeProvider.objects.update(calls_per_minute=1)
    assert len(lifecycle.claim_errands("correction_due_at", [S.ISSUED], limit)) == 1
    assert lifecycle.claim_errands("correction_due_at", [S.ISSUED], limit) == []


def test_a_thousand_corrections_of_one_account_delay_those_of_another_by_one():
    busy, other = BadgeFactory(), BadgeFactory()
    long_ago = timezone.now() - timedelta(days=1)
    for badge, number, due_at in ((busy, 10, long_ago), (other, 1, timezone.now())):
        IssuedBadgeFactory.create_batch(number, badge=badge, status=S.ISSUED, correction_due_at=due_at)
    claimed = lifecycle.claim_errands("correction_due_at", [S.ISSUED], 4)
    assert {row.badge for row in claimed} == {busy, other}


def test_what_providers_can_do_is_as_documented():
    assert Ability.CORRECT_NAME in Credly.abilities & Accredible.abilities
    assert Ability.CORRECT_EMAIL in Accredible.abilities - Credly.abilities


@pytest.mark.parametrize(
    "answer", [None, Rejected("No.", status=422)], ids=["corrected meanwhile", "refused meanwhile"]
)
def test_a_correction_asked_for_while_another_is_under_way_is_made_as_well(sandbox, badge, answer):
    """Her name changes once more, after the first request was made and before its answer is written down."""
    row = marries(issued(badge))
    correct(row, actor=None)
    [claimed] = lifecycle.claim_errands("correction_due_at", [S.ISSUED], 1)
    first = answer or errands._correct(claimed)
    User.objects.filter(pk=row.learner_id).update(last_name="King")
    correct(stored(row), actor=None)
    errands._settle_corrections([(claimed, first)])
    assert errands.run() == 1
    assert names_at(sandbox)[-1][0] == "King"
    assert stored(row).external_uuid == sandbox.badges()[-1]["id"]
    assert (stored(row).correction_due_at, stored(row).claim_token) == (None, None)
