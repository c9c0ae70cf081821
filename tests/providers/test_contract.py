"""What badges.delivery and badges.catalogue rely on, whoever the vendor is.

A second adapter inherits AdapterContract and gives it the same fixtures, over real HTTP to something that
plays that vendor.
"""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest

from providers.base import (
    Adapter,
    Misconfigured,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Template,
    Transient,
)
from providers.credly import Credly
from tests.providers.conftest import (
    ARCHIVED,
    CANARY,
    REPEATABLE,
    TEMPLATE,
    SandboxProcess,
    issue_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[[Adapter, str], object]

CALLS: dict[str, Call] = {
    "issue": lambda adapter, badge_id: adapter.issue(issue_request()),
    "find": lambda adapter, badge_id: adapter.find(issue_request()),
    "revoke": lambda adapter, badge_id: adapter.revoke(badge_id, reason="test"),
    "templates": lambda adapter, badge_id: list(adapter.templates()),
    "check": lambda adapter, badge_id: adapter.check(),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


class AdapterContract:
    """Fixtures to give: `sandbox` plays the vendor, `adapter` speaks to it, `stranger` with a wrong token."""

    def test_an_issued_badge_is_live_and_belongs_to_its_template(self, adapter: Adapter) -> None:
        badge = adapter.issue(issue_request())

        assert badge.external_id
        assert badge.is_live
        assert badge.template_id == TEMPLATE
        assert badge.email == "ada@example.org"
        assert badge.url or badge.accept_url

    def test_issuing_is_exactly_one_request(self, adapter: Adapter, sandbox: SandboxProcess) -> None:
        adapter.issue(issue_request())

        assert sum(sandbox.received()["counts"]["requests"].values()) == 1

    def test_what_was_issued_is_found(self, adapter: Adapter) -> None:
        issued = adapter.issue(issue_request())

        assert [badge.external_id for badge in adapter.find(issue_request())] == [issued.external_id]

    def test_nobody_elses_badge_and_no_other_template_is_found(self, adapter: Adapter) -> None:
        adapter.issue(issue_request(email="grace@example.org", earner_id="g", reference="g"))
        adapter.issue(issue_request(template_id=REPEATABLE, reference="r"))

        assert adapter.find(issue_request()) == []

    def test_a_badge_is_found_under_a_corrected_address(self, adapter: Adapter) -> None:
        issued = adapter.issue(issue_request(email="old@example.org"))

        found = adapter.find(issue_request(email="new@example.org"))

        assert [badge.external_id for badge in found] == [issued.external_id]

    def test_an_address_with_signs_of_its_own_is_found(self, adapter: Adapter) -> None:
        request = issue_request(email="ada+labs&x=1#y%20@example.org", earner_id="unsearched")
        issued = adapter.issue(request)

        found = adapter.find(issue_request(email=request.email, earner_id="another"))

        assert [badge.external_id for badge in found] == [issued.external_id]

    def test_several_badges_of_one_person_are_each_found_once(self, adapter: Adapter) -> None:
        request = issue_request(template_id=REPEATABLE)
        issued = {adapter.issue(request).external_id for _ in range(3)}

        found = [badge.external_id for badge in adapter.find(request)]

        assert len(found) == 3
        assert set(found) == issued

    def test_a_second_badge_for_the_same_person_is_rejected_and_the_first_is_found(
        self, adapter: Adapter
    ) -> None:
        issued = adapter.issue(issue_request())

        with pytest.raises(Rejected) as caught:
            adapter.issue(issue_request())

        assert caught.value.provider_message
        assert [badge.external_id for badge in adapter.find(issue_request())] == [issued.external_id]

    @pytest.mark.parametrize("template", [ARCHIVED, "unknown"])
    def test_a_template_that_cannot_be_issued_is_rejected_in_the_providers_words(
        self, adapter: Adapter, template: str
    ) -> None:
        with pytest.raises(Rejected) as caught:
            adapter.issue(issue_request(template_id=template))

        assert "template" in caught.value.provider_message

    def test_a_revoked_badge_is_found_and_not_live(self, adapter: Adapter) -> None:
        issued = adapter.issue(issue_request())

        revoked = adapter.revoke(issued.external_id, reason="wrong person")

        assert revoked.external_id == issued.external_id
        assert not revoked.is_live
        assert [badge.is_live for badge in adapter.find(issue_request())] == [False]

    def test_revoking_an_unknown_badge_is_rejected(self, adapter: Adapter) -> None:
        with pytest.raises(Rejected):
            adapter.revoke("../unknown?x=/y", reason="wrong person")

    def test_templates_are_the_active_ones(self, adapter: Adapter) -> None:
        found = list(adapter.templates())

        assert {template.external_id for template in found} == {TEMPLATE, REPEATABLE}
        assert all(isinstance(template, Template) and template.name for template in found)
        assert {template.external_id for template in found if template.allows_duplicates} == {REPEATABLE}

    def test_check_tells_the_organizations_name(self, adapter: Adapter) -> None:
        assert adapter.check().name == "Sandbox organization"

    @every_call
    def test_a_wrong_token_is_a_fault_of_the_account(self, stranger: Adapter, call: Call) -> None:
        with pytest.raises(Misconfigured):
            call(stranger, "any")

    @every_call
    def test_a_provider_that_is_down_was_sent_nothing(
        self, adapter: Adapter, sandbox: SandboxProcess, call: Call
    ) -> None:
        sandbox.stop()

        with pytest.raises(Transient):
            call(adapter, "any")

    @every_call
    def test_a_busy_provider_says_when_to_come_back(
        self, adapter: Adapter, sandbox: SandboxProcess, call: Call
    ) -> None:
        sandbox.order(status=429, retry_after="3")

        with pytest.raises(Transient) as caught:
            call(adapter, "any")

        assert caught.value.retry_after == 3

    @every_call
    @pytest.mark.parametrize("fault", ["lost_response", "cut", "garble"])
    def test_a_broken_answer_leaves_the_outcome_unknown(
        self, adapter: Adapter, sandbox: SandboxProcess, call: Call, fault: str
    ) -> None:
        badge = adapter.issue(issue_request(email="other@example.org", earner_id="other"))
        sandbox.order(**{fault: 1})

        with pytest.raises(OutcomeUnknown):
            call(adapter, badge.external_id)

    def test_a_badge_whose_answer_was_lost_is_found(self, adapter: Adapter, sandbox: SandboxProcess) -> None:
        sandbox.order(lost_response=1, times=1)
        with pytest.raises(OutcomeUnknown):
            adapter.issue(issue_request())

        found = adapter.find(issue_request())

        assert [badge.external_id for badge in found] == [row["id"] for row in sandbox.badges()]

    @every_call
    @pytest.mark.parametrize("status", [301, 400, 404, 410, 500, 599])
    def test_any_status_ends_in_one_of_the_four_errors(
        self, adapter: Adapter, sandbox: SandboxProcess, call: Call, status: int
    ) -> None:
        sandbox.order(status=status)

        with pytest.raises(ProviderError) as caught:
            call(adapter, "any")

        assert isinstance(caught.value, Rejected if 400 <= status < 500 else OutcomeUnknown)
        assert caught.value.status == status

    def test_what_is_kept_of_a_badge_names_nobody(self, adapter: Adapter) -> None:
        issued = adapter.issue(issue_request())
        revoked = adapter.revoke(issued.external_id, reason="test")

        for badge in (issued, revoked, *adapter.find(issue_request())):
            assert badge.raw["id"] == badge.external_id
            for secret in ("ada@example.org", "Lovelace", CANARY):
                assert secret not in repr(badge.raw)

    @every_call
    def test_the_token_shows_nowhere(
        self,
        adapter: Adapter,
        sandbox: SandboxProcess,
        call: Call,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        sandbox.order(status=500)
        with pytest.raises(ProviderError) as caught:
            call(adapter, "any")

        printed = "".join(traceback.format_exception(caught.value))
        for text in (printed, repr(caught.value), repr(vars(caught.value)), repr(vars(adapter)), caplog.text):
            assert CANARY not in text


class TestCredly(AdapterContract):
    @pytest.fixture
    def adapter(self, sandbox: SandboxProcess) -> Adapter:
        return Credly(sandbox.account())

    @pytest.fixture
    def stranger(self, sandbox: SandboxProcess) -> Adapter:
        return Credly(sandbox.account(token="wrong"))
