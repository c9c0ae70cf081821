"""What everybody relies on, whoever the vendor is: every verb under every fault, over real HTTP.

A further adapter inherits AdapterContract and gives it the same fixtures, with something that plays that
vendor on the other side.
"""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from providers.accredible import Accredible
from providers.base import (
    Ability,
    Account,
    Adapter,
    Checked,
    IssueRequest,
    Misconfigured,
    NotSupported,
    OutcomeUnknown,
    ProviderBadge,
    ProviderError,
    Rejected,
    Standing,
    Template,
    Transient,
)
from providers.credly import Credly
from tests.providers.conftest import (
    ARCHIVED,
    CANARY,
    GROUP,
    REPEATABLE,
    REPEATABLE_GROUP,
    TEMPLATE,
    SandboxProcess,
    issue_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[[Adapter, str, IssueRequest], object]

# Each as (adapter, id of a badge or an event, request).
CALLS: dict[str, Call] = {
    "issue": lambda adapter, identity, request: adapter.issue(request),
    "find": lambda adapter, identity, request: adapter.find(request),
    "publish": lambda adapter, identity, request: adapter.publish(identity),
    "revoke": lambda adapter, identity, request: adapter.revoke(identity, reason="test"),
    "correct": lambda adapter, identity, request: adapter.correct(identity, request),
    "delete": lambda adapter, identity, request: adapter.delete(identity),
    "templates": lambda adapter, identity, request: list(adapter.templates()),
    "template": lambda adapter, identity, request: adapter.template(request.template_id),
    "badges": lambda adapter, identity, request: list(adapter.badges()),
    "changes": lambda adapter, identity, request: list(
        adapter.badges(changed_since=datetime.now(UTC) - timedelta(days=2))
    ),
    "events": lambda adapter, identity, request: list(adapter.events()),
    "event": lambda adapter, identity, request: adapter.event(identity),
    "check": lambda adapter, identity, request: adapter.check(),
}
NEEDS = {
    "delete": Ability.DELETE,
    "changes": Ability.CHANGES,
    "events": Ability.EVENTS,
    "event": Ability.EVENTS,
}
SECONDS = 0.25

FAULTS: dict[str, tuple[dict[str, Any], type[ProviderError]]] = {
    "400": ({"status": 400}, Rejected),
    "401": ({"status": 401}, Misconfigured),
    "404": ({"status": 404}, Rejected),
    "408": ({"status": 408}, OutcomeUnknown),
    "409": ({"status": 409}, Rejected),
    "410": ({"status": 410}, Rejected),
    "422": ({"status": 422}, Rejected),
    "429": ({"status": 429}, Transient),
    "429 with seconds": ({"status": 429, "retry_after": "3"}, Transient),
    "429 with a date": ({"status": 429, "retry_after": "date:3"}, Transient),
    "301": ({"status": 301}, OutcomeUnknown),
    "500": ({"status": 500}, OutcomeUnknown),
    "502": ({"status": 502}, OutcomeUnknown),
    "503": ({"status": 503, "retry_after": "3"}, OutcomeUnknown),
    "599": ({"status": 599}, OutcomeUnknown),
    "lost request": ({"lost_request": 1}, OutcomeUnknown),
    "lost response": ({"lost_response": 1}, OutcomeUnknown),
    "cut": ({"cut": 1}, OutcomeUnknown),
    "HTML": ({"garble": 1}, OutcomeUnknown),
    "hang": ({"hang": 1}, OutcomeUnknown),
    "drip": ({"drip": 1}, OutcomeUnknown),
}
# Those that end by our own deadline. Every other answer has the time that a busy machine takes for it.
ENDLESS = {"hang", "drip"}


@dataclass
class Vendor:
    """What differs between the vendors in this suite. `unissuable` are templates that cannot be issued."""

    kind: type[Adapter]
    account: Account
    template: str
    repeatable: str
    unissuable: list[str]

    def adapter(self, **changes: Any) -> Adapter:
        return self.kind(replace(self.account, **changes))

    def request(self, **changes: Any) -> IssueRequest:
        return issue_request(**{"template_id": self.template, **changes})

    def call(self, name: str, *, adapter: Adapter | None = None, identity: str = "any") -> object:
        return CALLS[name](adapter or self.adapter(), identity, self.request())

    def existing(self, call: str) -> str:
        """The id of a badge or an event for a call that needs one."""
        badge = self.adapter().issue(self.request(email="g@example.org", earner_id="g", reference="g"))
        return next(self.adapter().events()).external_id if call == "event" else badge.external_id


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`call` is every verb that the vendor of the class has, `missing` every other."""
    for name in {"call", "missing"} & set(metafunc.fixturenames):
        able = [
            call
            for call in CALLS
            if call not in metafunc.cls.cannot
            and (call not in NEEDS or NEEDS[call] in metafunc.cls.kind.abilities)
        ]
        if not any(mark.args[0] == name for mark in metafunc.definition.iter_markers("parametrize")):
            metafunc.parametrize(name, able if name == "call" else sorted(set(CALLS) - set(able)))


class AdapterContract:
    """To give: the class of the adapter, the verbs that it cannot do beside those that abilities speak of, and
    the fixture `vendor`, which says how to reach what plays it."""

    kind: ClassVar[type[Adapter]]
    cannot: ClassVar[frozenset[str]] = frozenset()

    @pytest.fixture
    def adapter(self, vendor: Vendor) -> Adapter:
        return vendor.adapter()

    # --- What each verb does ------------------------------------------------------------------------------

    def test_an_issued_badge_is_live_and_belongs_to_its_template(
        self, adapter: Adapter, vendor: Vendor
    ) -> None:
        badge = adapter.issue(vendor.request())

        assert badge.external_id
        assert badge.is_live
        assert badge.template_id == vendor.template
        assert badge.email == "ada@example.org"
        assert badge.earner_id == "learner-1"
        assert badge.url or badge.accept_url

    def test_issuing_is_exactly_one_request(
        self, adapter: Adapter, vendor: Vendor, sandbox: SandboxProcess
    ) -> None:
        adapter.issue(vendor.request())

        assert sum(sandbox.received()["counts"]["requests"].values()) == 1

    def test_a_badge_may_have_an_expiry_of_its_own(self, adapter: Adapter, vendor: Vendor) -> None:
        assert Ability.EXPIRE in adapter.abilities
        expires_at = datetime(2041, 5, 17, 12, tzinfo=UTC)

        badge = adapter.issue(vendor.request(expires_at=expires_at))

        assert badge.expires_at is not None
        assert badge.expires_at.date() == expires_at.date()

    def test_what_was_issued_is_found(self, adapter: Adapter, vendor: Vendor) -> None:
        issued = adapter.issue(vendor.request())

        [found] = adapter.find(vendor.request())

        assert (found.external_id, found.standing) == (issued.external_id, issued.standing)
        assert (found.url, found.accept_url) == (issued.url, issued.accept_url)

    def test_nobody_elses_badge_and_no_other_template_is_found(
        self, adapter: Adapter, vendor: Vendor
    ) -> None:
        adapter.issue(vendor.request(email="grace@example.org", earner_id="g", reference="g"))
        adapter.issue(vendor.request(template_id=vendor.repeatable, reference="r"))

        assert adapter.find(vendor.request()) == []

    def test_a_badge_is_found_under_a_corrected_address(self, adapter: Adapter, vendor: Vendor) -> None:
        issued = adapter.issue(vendor.request(email="old@example.org", reference="an-earlier-intent"))

        found = adapter.find(vendor.request(email="new@example.org"))

        assert [badge.external_id for badge in found] == [issued.external_id]

    def test_an_address_with_signs_of_its_own_is_found(self, adapter: Adapter, vendor: Vendor) -> None:
        request = vendor.request(
            email="ada+labs&x=1#y%20@example.org", earner_id="unsearched", reference="unsearched"
        )
        issued = adapter.issue(request)

        found = adapter.find(vendor.request(email=request.email, earner_id="another"))

        assert [badge.external_id for badge in found] == [issued.external_id]

    def test_several_badges_of_one_person_are_each_found_once(self, adapter: Adapter, vendor: Vendor) -> None:
        requests = [
            vendor.request(template_id=vendor.repeatable, reference=f"intent-{number}") for number in range(3)
        ]
        issued = {adapter.issue(request).external_id for request in requests}

        found = [badge.external_id for badge in adapter.find(requests[0])]

        assert len(found) == 3
        assert set(found) == issued

    def test_a_second_badge_for_the_same_person_is_rejected_and_the_first_is_found(
        self, adapter: Adapter, vendor: Vendor
    ) -> None:
        issued = adapter.issue(vendor.request())
        again = vendor.request(reference="another-intent")

        with pytest.raises(Rejected) as caught:
            adapter.issue(again)

        assert caught.value.status == 422
        assert caught.value.provider_message
        assert [badge.external_id for badge in adapter.find(again)] == [issued.external_id]

    def test_a_template_that_cannot_be_issued_is_rejected_in_the_providers_words(
        self, adapter: Adapter, vendor: Vendor
    ) -> None:
        for template in vendor.unissuable:
            with pytest.raises(Rejected) as caught:
                adapter.issue(vendor.request(template_id=template))

            assert caught.value.provider_message

    def test_a_revoked_badge_is_not_live(self, adapter: Adapter, vendor: Vendor) -> None:
        issued = adapter.issue(vendor.request())

        revoked = adapter.revoke(issued.external_id, reason="wrong person")

        assert revoked.external_id == issued.external_id
        assert revoked.standing == Standing.REVOKED
        assert not any(badge.is_live for badge in adapter.find(vendor.request()))

    @pytest.mark.parametrize("badge_id", ["unknown", "../unknown?x=/y"])
    @pytest.mark.parametrize("call", ["revoke", "correct"])
    def test_changing_an_unknown_badge_is_rejected(self, vendor: Vendor, call: str, badge_id: str) -> None:
        with pytest.raises(Rejected):
            vendor.call(call, identity=badge_id)

    def test_a_correction_writes_new_names_and_leaves_one_live_badge(
        self, adapter: Adapter, vendor: Vendor
    ) -> None:
        assert Ability.CORRECT_NAME in adapter.abilities
        issued = adapter.issue(vendor.request())
        married = vendor.request(first_name="Augusta", last_name="King")

        corrected = adapter.correct(issued.external_id, married)

        assert corrected.is_live
        assert corrected.external_id == issued.external_id or corrected.replaces_id == issued.external_id
        assert live(adapter.find(married)) == [corrected.external_id]

    def test_a_correction_of_the_address_reaches_the_new_one(self, adapter: Adapter, vendor: Vendor) -> None:
        issued = adapter.issue(vendor.request())
        moved = vendor.request(email="new@example.org")

        corrected = adapter.correct(issued.external_id, moved)

        able = Ability.CORRECT_EMAIL in adapter.abilities
        assert corrected.email == ("new@example.org" if able else "ada@example.org")

    def test_a_deleted_badge_is_gone_and_deleting_it_again_is_as_good(
        self, adapter: Adapter, vendor: Vendor
    ) -> None:
        assert Ability.DELETE in adapter.abilities
        issued = adapter.issue(vendor.request())

        for _ in range(2):
            adapter.delete(issued.external_id)

        assert adapter.find(vendor.request()) == []
        assert adapter.issue(vendor.request(reference="anew")).is_live

    def test_templates_are_the_active_ones_with_images(self, adapter: Adapter, vendor: Vendor) -> None:
        found = list(adapter.templates())

        assert {template.external_id for template in found} == {vendor.template, vendor.repeatable}
        assert all(isinstance(template, Template) and template.name for template in found)
        assert all(template.image_url.startswith("http") for template in found)

    def test_one_template_is_as_in_the_list_and_an_unknown_one_is_none(
        self, adapter: Adapter, vendor: Vendor
    ) -> None:
        listed = {template.external_id: template for template in adapter.templates()}

        assert adapter.template(vendor.template) == listed[vendor.template]
        assert adapter.template("999999") is None

    def test_all_badges_are_listed_over_all_pages(self, adapter: Adapter, vendor: Vendor) -> None:
        issued = {
            adapter.issue(
                vendor.request(email=f"a{number}@example.org", earner_id=f"a{number}", reference=f"r{number}")
            ).external_id
            for number in range(51)
        }

        listed = [badge.external_id for badge in adapter.badges()]

        assert len(listed) == 51
        assert set(listed) == issued

    def test_check_tells_the_organizations_name(self, adapter: Adapter) -> None:
        checked = adapter.check()

        assert isinstance(checked, Checked)
        assert checked.name == "Sandbox organization"

    def test_what_a_vendor_cannot_do_is_refused_before_any_request(
        self, vendor: Vendor, sandbox: SandboxProcess, missing: str
    ) -> None:
        with pytest.raises(NotSupported) as caught:
            vendor.call(missing)

        assert caught.value.message
        assert sandbox.received()["counts"]["requests"] == {}

    # --- Every verb under every fault ---------------------------------------------------------------------

    @pytest.mark.parametrize("fault", FAULTS)
    def test_every_fault_of_every_verb_is_one_of_the_four_errors_and_tells_no_secret(
        self,
        vendor: Vendor,
        sandbox: SandboxProcess,
        settings: Any,
        caplog: pytest.LogCaptureFixture,
        call: str,
        fault: str,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        if fault in ENDLESS:
            settings.ISSUE_LEASE_SECONDS = SECONDS / 0.3
        ordered, expected = FAULTS[fault]
        identity = vendor.existing(call)
        sandbox.order(**ordered)

        with pytest.raises(ProviderError) as caught:
            vendor.call(call, identity=identity)

        error = caught.value
        assert type(error) is expected
        if isinstance(error, Transient) and "retry_after" in ordered:
            assert error.retry_after == pytest.approx(3, abs=2)
        printed = "".join(traceback.format_exception(error))
        for text in (printed, repr(error), repr(vars(error)), caplog.text):
            for secret in (CANARY, "ada@example.org", "ada%40example.org", "Lovelace"):
                assert secret not in text

    def test_a_wrong_token_is_a_fault_of_the_account(self, vendor: Vendor, call: str) -> None:
        with pytest.raises(Misconfigured):
            vendor.call(call, adapter=vendor.adapter(token="wrong"))

    def test_a_provider_that_is_down_was_sent_nothing(self, vendor: Vendor, settings: Any, call: str) -> None:
        settings.PROVIDER_ALLOWED_HOSTS = ["127.0.0.1:9"]
        elsewhere = vendor.adapter(api_url="http://127.0.0.1:9/v1")

        with pytest.raises(Transient):
            vendor.call(call, adapter=elsewhere)

    def test_an_address_without_such_an_api_is_rejected(
        self, vendor: Vendor, sandbox: SandboxProcess, call: str
    ) -> None:
        """As when it was mistyped: nothing there may be taken for "gone already" or "no such template"."""
        with pytest.raises(Rejected):
            vendor.call(call, adapter=vendor.adapter(api_url=f"{sandbox.url}/nowhere"))

    # --- A lost answer ------------------------------------------------------------------------------------

    def test_a_badge_whose_answer_was_lost_is_found(
        self, adapter: Adapter, vendor: Vendor, sandbox: SandboxProcess
    ) -> None:
        sandbox.order(lost_response=1, times=1)
        with pytest.raises(OutcomeUnknown):
            adapter.issue(vendor.request())

        assert len(live(adapter.find(vendor.request()))) == 1
        assert sandbox.received()["duplicates"] == []

    def test_a_badge_whose_request_was_lost_is_not_there(
        self, adapter: Adapter, vendor: Vendor, sandbox: SandboxProcess
    ) -> None:
        sandbox.order(lost_request=1, times=1)
        with pytest.raises(OutcomeUnknown):
            adapter.issue(vendor.request())

        assert adapter.find(vendor.request()) == []

    def test_a_revocation_whose_answer_was_lost_took_place(
        self, adapter: Adapter, vendor: Vendor, sandbox: SandboxProcess
    ) -> None:
        issued = adapter.issue(vendor.request())
        sandbox.order(lost_response=1, times=1, methods=["PUT", "DELETE"])

        with pytest.raises(OutcomeUnknown):
            adapter.revoke(issued.external_id, reason="test")

        assert live(adapter.find(vendor.request())) == []

    def test_a_correction_whose_answer_was_lost_can_be_repeated(
        self, adapter: Adapter, vendor: Vendor, sandbox: SandboxProcess
    ) -> None:
        issued = adapter.issue(vendor.request())
        married = vendor.request(last_name="King")
        sandbox.order(lost_response=1, times=1, methods=["POST", "PUT"])
        with pytest.raises(OutcomeUnknown):
            adapter.correct(issued.external_id, married)

        corrected = adapter.correct(issued.external_id, married)

        assert live(adapter.find(married)) == [corrected.external_id]
        assert sandbox.received()["duplicates"] == []

    def test_an_erasure_whose_answer_was_lost_can_be_repeated(
        self, adapter: Adapter, vendor: Vendor, sandbox: SandboxProcess
    ) -> None:
        issued = adapter.issue(vendor.request())
        sandbox.order(lost_response=1, times=1)
        with pytest.raises(OutcomeUnknown):
            adapter.delete(issued.external_id)

        adapter.delete(issued.external_id)

        assert adapter.find(vendor.request()) == []

    def test_through_a_provider_that_fails_every_third_call_everybody_gets_one_badge(
        self, adapter: Adapter, vendor: Vendor, sandbox: SandboxProcess, settings: Any
    ) -> None:
        """Look before resending, as badges.delivery does, and nothing else is needed."""
        settings.ISSUE_LEASE_SECONDS = SECONDS / 0.3
        sandbox.order(chaos="30%", seed=7, drip_seconds=0.05)

        for number in range(12):
            request = vendor.request(
                email=f"a{number}@example.org", earner_id=f"a{number}", reference=f"r{number}"
            )
            issued_at_last(adapter, request)

        sandbox.order()
        found = [badge for badge in adapter.badges() if badge.is_live]
        assert sorted(badge.email for badge in found) == sorted(
            f"a{number}@example.org" for number in range(12)
        )

    # --- What is kept -------------------------------------------------------------------------------------

    def test_what_is_kept_of_a_badge_names_nobody(self, adapter: Adapter, vendor: Vendor) -> None:
        issued = adapter.issue(vendor.request())
        found = adapter.find(vendor.request())
        revoked = adapter.revoke(issued.external_id, reason="test")

        for badge in (issued, revoked, *found, *adapter.badges()):
            assert str(badge.raw["id"]) == badge.external_id
            for secret in ("ada@example.org", "Lovelace", CANARY):
                assert secret not in repr(badge.raw)

    def test_the_token_is_not_shown_with_the_adapter(self, adapter: Adapter) -> None:
        assert CANARY not in repr(vars(adapter))


def live(badges: list[ProviderBadge]) -> list[str]:
    return [badge.external_id for badge in badges if badge.is_live]


def issued_at_last(adapter: Adapter, request: IssueRequest) -> None:
    may_be_there = False
    for _ in range(100):
        try:
            if may_be_there and live(adapter.find(request)):
                return
            adapter.issue(request)
        except Transient:
            continue
        except OutcomeUnknown:
            may_be_there = True
            continue
        return
    pytest.fail("It was never issued.")


class TestCredly(AdapterContract):
    kind = Credly
    cannot = frozenset({"publish"})

    @pytest.fixture
    def vendor(self, sandbox: SandboxProcess) -> Vendor:
        return Vendor(Credly, sandbox.account(), TEMPLATE, REPEATABLE, unissuable=[ARCHIVED, "unknown"])


class TestAccredible(AdapterContract):
    kind = Accredible

    @pytest.fixture
    def vendor(self, sandbox: SandboxProcess) -> Vendor:
        return Vendor(Accredible, sandbox.issuer(), GROUP, REPEATABLE_GROUP, unissuable=["999999", "unknown"])
