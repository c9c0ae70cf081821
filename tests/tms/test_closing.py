"""Who may close an account, and that it stays closed. What is left of it: tests/test_closed_accounts.py."""

from __future__ import annotations

import pytest

from tests.factories import AdministratorFactory, OrganizationFactory, UserFactory
from tms import gates
from tms.closing import close_account
from tms.errors import Conflict, DomainError, NotFound
from tms.models import AuditEntry, User

pytestmark = pytest.mark.django_db


def test_an_administrator_gives_a_reason_which_the_audit_keeps() -> None:
    admin = AdministratorFactory()
    learner = UserFactory(organization=admin.organization)
    with pytest.raises(DomainError) as refused:
        close_account(learner, reason="  ", actor=admin)
    assert (refused.value.code, list(refused.value.fields)) == ("reason_required", ["reason"])

    close_account(learner, reason=" Left the company. ", actor=admin)

    entry = AuditEntry.objects.get(act="close")
    assert (entry.actor, entry.about, entry.reason) == (admin, learner, "Left the company.")
    assert (entry.organization, entry.changes, entry.name) == (admin.organization, {}, "")


def test_nobody_else_can() -> None:
    learner = UserFactory()
    for actor in (UserFactory(organization=learner.organization), AdministratorFactory()):
        with pytest.raises(NotFound):
            close_account(learner, reason="Why not", actor=actor)
    learner.refresh_from_db()
    assert learner.closed_at is None


def test_a_superuser_is_found_by_superusers_alone_and_closed_by_nobody() -> None:
    organization = OrganizationFactory()
    chief = UserFactory(organization=organization, is_superuser=True)
    with pytest.raises(NotFound):
        close_account(chief, reason="Left", actor=AdministratorFactory(organization=organization))
    with pytest.raises(DomainError) as refused:
        close_account(chief, actor=chief)
    assert refused.value.code == "superuser"
    chief.refresh_from_db()
    assert chief.is_active


def test_it_is_closed_once_and_for_good() -> None:
    learner = UserFactory()
    closed = close_account(learner, actor=learner)
    with pytest.raises(Conflict):
        close_account(learner, actor=learner)
    closed.is_active, closed.first_name = True, "Ada"
    with pytest.raises(Conflict) as refused:
        gates.save_user(closed)
    assert refused.value.code == "account_closed"
    closed.refresh_from_db()
    assert (closed.is_active, closed.first_name) == (False, "Closed")


def test_its_address_and_external_id_are_free_for_another() -> None:
    learner = UserFactory(external_id="hr-1")
    address, organization = learner.email, learner.organization
    close_account(learner, actor=learner)

    again = gates.save_user(
        User(email=address, external_id="hr-1", first_name="A", last_name="B", organization=organization)
    )

    assert again.pk != learner.pk


def test_achievements_that_are_switched_on_later_leave_it_alone() -> None:
    organization = OrganizationFactory(enable_achievements=False)
    learner = UserFactory(organization=organization)
    close_account(learner, actor=learner)
    organization.enable_achievements = True
    gates.save_organization(organization)
    learner.refresh_from_db()
    assert not learner.participate_in_achievements


def test_two_accounts_can_be_closed_and_their_addresses_are_valid() -> None:
    for learner in UserFactory.create_batch(2):
        close_account(learner, actor=learner).full_clean()
