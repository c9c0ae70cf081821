"""A unique token stands in every account, everything is done with them that can be done, and it is found nowhere.

Neither as it is nor as it travels (in base64), neither in answers, headers and pages nor in what is printed,
logged, measured, mailed, dumped or stored. The provider itself gives it away: its answers repeat what it was
sent.
"""

from __future__ import annotations

import json
import logging
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
import requests
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from badges import delivery, issuing, lookups, polling, provider_events, sending, sweeping, synchronization
from badges.ending import revoke
from badges.models import Badge, IssuedBadge
from badges.status import Status
from providers import accounts, health
from providers.base import Ability, ProviderError
from providers.models import AccredibleConfig, BadgeProvider, CredlyOrganization
from providers.registry import adapter_for
from tests.api.conftest import client_of
from tests.factories import AdministratorFactory, BadgeFactory, UserFactory
from tests.providers.paper import ACCREDIBLE, CREDLY, Paper, on_paper, template_id
from tests.test_admin import address, change_page, save
from tms.models import User

pytestmark = pytest.mark.django_db

KINDS = {"credly": CREDLY, "accredible": ACCREDIBLE}
TOKENS = {kind: f"canary-{kind}-7f3a1e5b9c" for kind in KINDS}
STATUSES = (400, 401, 403, 404, 410, 422, 429, 500, 503, 302)


def spellings(secret: str) -> set[str]:
    """As it is, as it stands in an address, and as the user name that it travels as."""
    return {secret, quote(secret, safe=""), b64encode(f"{secret}:".encode()).decode().rstrip("=")}


class Leaks:
    """Collects everything that left the product, and says where a secret is in it."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def add(self, place: str, text: object) -> None:
        self.texts.append((place, str(text)))

    def response(self, place: str, response: Any) -> Any:
        self.add(f"{place} {response.status_code}", response.content.decode(errors="replace"))
        self.add(f"{place} headers", [*response.headers.items(), response.cookies.output()])
        return response

    def of(self, secrets: set[str]) -> list[str]:
        return sorted({place for place, text in self.texts for secret in secrets if secret in text})


@pytest.fixture
def leaks() -> Leaks:
    return Leaks()


class Keeper(logging.Handler):
    """Every line of every logger, with its traceback."""

    def __init__(self, leaks: Leaks) -> None:
        super().__init__(level=logging.DEBUG)
        self.leaks = leaks
        self.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.leaks.add(f"log of {record.name}", self.format(record))


@pytest.fixture(autouse=True)
def everything_is_logged(leaks: Leaks) -> Iterator[None]:
    keeper = Keeper(leaks)
    loggers = [logging.getLogger(name) for name in ("", "django", "django.request", "django.db.backends")]
    loggers += [logging.getLogger(name) for name in ("requests", "providers", "badges", "celery")]
    before = [(logger, logger.level) for logger in loggers]
    logging.getLogger().addHandler(keeper)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield
    logging.getLogger().removeHandler(keeper)
    for logger, level in before:
        logger.setLevel(level)


@pytest.fixture
def paper() -> Iterator[Paper]:
    with on_paper("Azure", "Kubernetes") as paper:
        paper.groups = [{"id": 7, "name": "internal", "course_name": "Seven", "course_description": "Seven."}]
        paper.echo = True
        yield paper


@pytest.fixture
def admin() -> User:
    made: User = AdministratorFactory()
    return made


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    client.force_login(admin)
    client.raise_request_exception = False
    return client


@pytest.fixture
def made(office: Client, admin: User, paper: Paper, leaks: Leaks) -> list[BadgeProvider]:
    """One account of each kind entered into a form, another sent to the API."""
    api = client_of(admin)
    for kind, model in (("credly", CredlyOrganization), ("accredible", AccredibleConfig)):
        given: dict[str, Any] = {"organization": str(admin.organization_id), "api_url": KINDS[kind]}
        if kind == "credly":
            given["provider_organization_id"] = "11111111-1111-4111-8111-111111111111"
        form = {**given, "name": f"Form {kind}", "is_enabled": "on", "new_token": TOKENS[kind]}
        leaks.response(f"form of {kind}", save(office, address(model, "add"), **form))
        body = {**given, "name": f"API {kind}", "type": kind, "token": TOKENS[kind]}
        leaks.response(f"API of {kind}", api.post("/api/v1/badge-providers/", body))
    found = list(BadgeProvider.objects.order_by("pk"))
    assert [provider.token for provider in found] == [TOKENS[provider.kind] for provider in found]
    assert len(found) == 4
    return found


def attempt(leaks: Leaks, place: str, act: Callable[[], object]) -> None:
    """What it returns, or all that its error tells."""
    try:
        leaks.add(place, repr(act()))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not tell
        leaks.add(place, "".join(traceback.format_exception(error)))
        leaks.add(place, (repr(error), vars(error)))


def command(leaks: Leaks, *arguments: str) -> None:
    output = StringIO()
    attempt(leaks, f"command {arguments[0]}", lambda: call_command(*arguments, stdout=output, stderr=output))
    leaks.add(f"command {arguments[0]}", output.getvalue())


def speak(leaks: Leaks, provider: BadgeProvider) -> None:
    """Everything that an adapter can be asked."""
    row = IssuedBadge.objects.filter(badge__badge_provider=provider).first()
    assert row
    adapter = adapter_for(provider)
    request = sending.request_for(row)
    for name, act in {
        "issue": lambda: adapter.issue(request),
        "find": lambda: adapter.find(request),
        "publish": lambda: adapter.publish("1"),
        "revoke": lambda: adapter.revoke("1", reason="r"),
        "correct": lambda: adapter.correct("1", request),
        "delete": lambda: adapter.delete("1"),
        "templates": lambda: list(adapter.templates()),
        "template": lambda: adapter.template("1"),
        "badges": lambda: list(adapter.badges()),
        "events": lambda: list(adapter.events()),
        "event": lambda: adapter.event("1"),
        "check": adapter.check,
    }.items():
        attempt(leaks, f"{provider.kind} {name}", act)


def work(leaks: Leaks, providers: list[BadgeProvider], admin: User) -> None:
    """What the schedule, commands and people do with accounts, as far as it speaks to a provider."""
    for provider in providers:
        attempt(leaks, "check", lambda: health.check(provider, actor=admin))  # noqa: B023 - called at once
        attempt(leaks, "synchronize", lambda: synchronization.synchronize(provider))  # noqa: B023
        speak(leaks, provider)
    for place, act in {
        "deliver": delivery.deliver,
        "sweep": sweeping.sweep,
        "reconcile": lookups.reconcile,
        "process": provider_events.process,
        "poll": lambda: [polling.poll(ability) for ability in (Ability.EVENTS, Ability.CHANGES)],
    }.items():
        attempt(leaks, place, act)
    BadgeProvider.objects.update(paused_at=None, broken_until=None, failures_in_a_row=0)


def look_at_pages(leaks: Leaks, office: Client, admin: User) -> None:
    api = client_of(admin)
    for provider in BadgeProvider.objects.all():
        model = CredlyOrganization if provider.kind == "credly" else AccredibleConfig
        for url in (
            change_page(provider),
            address(model, "change", provider.pk),
            address(BadgeProvider, "history", provider.pk),
        ):
            leaks.response(f"page {url}", office.get(url))
        leaks.response("API account", api.get(f"/api/v1/badge-providers/{provider.pk}/"))
        for verb in ("check", "sync", "resume"):
            leaks.response(f"API {verb}", api.post(f"/api/v1/badge-providers/{provider.pk}/{verb}/", {}))
        wrong = {"new_token": TOKENS[provider.kind], "name": ""}
        leaks.response("refused form", save(office, change_page(provider), **wrong))
        leaks.response(
            "refused body",
            api.patch(
                f"/api/v1/badge-providers/{provider.pk}/", {"token": TOKENS[provider.kind], "name": ""}
            ),
        )
    everything = [row.pk for row in BadgeProvider.objects.all()]
    for action in ("check_connection", "sync_badge_templates", "dry_run"):
        chosen = {"action": action, "_selected_action": everything}
        url = address(BadgeProvider, "changelist")
        leaks.response(f"action {action}", office.post(url, chosen, follow=True))
    for name in ("badgeprovider", "credlyorganization", "accredibleconfig"):
        leaks.response(f"list {name}", office.get(reverse(f"admin:providers_{name}_changelist")))
    for name in ("badge", "synchronization", "issuedbadge", "providerevent"):
        leaks.response(f"list {name}", office.get(reverse(f"admin:badges_{name}_changelist")))
    for row in IssuedBadge.objects.all():
        leaks.response("issued badge", office.get(change_page(row)))
    for url in ("/", "/metrics", "/readyz", "/api/schema/", "/nowhere/"):
        leaks.response(f"page {url}", office.get(url))
    for name in ("badge-providers", "badges", "issued-badges", "synchronizations"):
        leaks.response(f"API {name}", api.get(f"/api/v1/{name}/"))
    for secret in ("canary", TOKENS["credly"]):
        leaks.response(
            "search", office.get(address(BadgeProvider, "changelist"), {"token__startswith": secret[:6]})
        )


def look_at_what_is_stored(leaks: Leaks) -> None:
    output = StringIO()
    call_command("dumpdata", stdout=output)
    leaks.add("dumpdata", output.getvalue())
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            leaks.add(f"table {table}", cursor.fetchall())
    leaks.add("mail", [str(message.message()) for message in mail.outbox])


def test_no_token_is_found_anywhere(
    office: Client, admin: User, made: list[BadgeProvider], paper: Paper, leaks: Leaks, settings: Any
) -> None:
    settings.ISSUE_LEASE_SECONDS = 3
    for provider in made:
        badge = BadgeFactory(organization=admin.organization, badge_provider=provider, template_id="7")
        learners = UserFactory.create_batch(2, organization=admin.organization)
        issuing.issue(badge, learners, actor=admin, source=IssuedBadge.Source.API)
        issued = IssuedBadge.objects.filter(badge=badge).earliest("pk")
        IssuedBadge.objects.filter(pk=issued.pk).update(status=Status.ISSUED, external_uuid=f"u-{issued.pk}")
        revoke(IssuedBadge.objects.get(pk=issued.pk), reason="r", actor=admin)

    work(leaks, made, admin)
    for status in STATUSES:
        paper.refuse = status
        work(leaks, made, admin)
    paper.refuse = 0
    paper.before_answer = lambda: (_ for _ in ()).throw(requests.ConnectionError(paper.sentence))
    work(leaks, made, admin)
    paper.before_answer = lambda: (_ for _ in ()).throw(KeyError(paper.sentence))
    work(leaks, made, admin)
    paper.before_answer = None
    paper.refuse = 401
    look_at_pages(leaks, office, admin)
    paper.refuse = 0
    look_at_pages(leaks, office, admin)
    for arguments in (
        ("sync_templates",),
        ("sync_templates", "--json"),
        ("deliver", "--json"),
        ("reconcile", "--json"),
        ("rotate_keys", "--json"),
        ("check",),
    ):
        command(leaks, *arguments)
    for provider in BadgeProvider.objects.all():
        leaks.add("repr", (repr(provider), str(provider), repr(provider.account)))
    look_at_what_is_stored(leaks)

    assert len(leaks.texts) > 500
    assert [provider.token for provider in BadgeProvider.objects.order_by("pk")] == [
        TOKENS[provider.kind] for provider in made
    ]
    assert leaks.of({text for token in TOKENS.values() for text in spellings(token)}) == []


def test_a_token_that_no_header_holds_is_not_told_either(admin: User, paper: Paper, leaks: Leaks) -> None:
    for kind, token in (("credly", "canary\nof two lines"), ("accredible", "canary\nof two lines")):
        provider = BadgeProvider(name=kind, kind=kind, organization=admin.organization, api_url=KINDS[kind])
        provider.provider_organization_id = "o"
        accounts.save_provider(provider, new_token=token)
        attempt(leaks, "check", lambda: health.check(provider))  # noqa: B023
        with pytest.raises(ProviderError) if kind == "accredible" else on_paper():
            adapter_for(provider).check()
    look_at_what_is_stored(leaks)
    leaks.add("problems", list(BadgeProvider.objects.values_list("check_problem", flat=True)))

    assert (
        leaks.of({"canary", "of two lines", b64encode(b"canary\nof two lines:").decode().rstrip("=")}) == []
    )


def test_a_webhook_secret_is_found_on_the_page_of_its_account_only(
    office: Client, admin: User, made: list[BadgeProvider], paper: Paper, leaks: Leaks
) -> None:
    secrets = {provider.webhook_secret for provider in made if provider.webhook_secret}
    assert len(secrets) == 2
    stranger = Client(raise_request_exception=False)
    for provider in made[:1]:
        url = f"/webhooks/credly/{provider.webhook_secret}/"
        event = {"id": "e-1", "event_type": "badge.created", "organization_id": "o"}
        for body in (json.dumps(event), "{", "[]", "x" * 100_000):
            leaks.response("webhook", stranger.post(url, body, content_type="application/json"))
        for method in ("get", "put", "delete", "options"):
            leaks.response("webhook", getattr(stranger, method)(url))
    attempt(leaks, "process", provider_events.process)
    look_at_pages(leaks, office, admin)
    look_at_what_is_stored(leaks)
    for arguments in (("sync_templates", "--json"), ("rotate_keys", "--json")):
        command(leaks, *arguments)

    allowed = {"refused form 200"} | {
        f"page {url} 200"
        for provider in made
        if provider.webhook_secret
        for url in (change_page(provider), address(CredlyOrganization, "change", provider.pk))
    }
    assert set(leaks.of(secrets)) == allowed
    assert Badge.objects.filter(template_id=template_id("Azure")).count() == 2


def test_the_test_finds_a_secret_that_is_told(leaks: Leaks) -> None:
    logging.getLogger("providers.http").debug("sent %s", b64encode(f"{TOKENS['credly']}:".encode()).decode())
    leaks.add("page", f"<p>{TOKENS['accredible']}</p>")

    found = leaks.of({text for token in TOKENS.values() for text in spellings(token)})

    assert found == ["log of providers.http", "page"]
