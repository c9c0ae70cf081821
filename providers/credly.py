"""Credly's Web Service API, version 1, in our words.

Credly has no idempotency key. Its only guard against a second badge is the refusal of a duplicate: the same
template with the same e-mail address or the same `issuer_earner_id`, so both go with every badge and both are
searched. A refusal with 422 says "duplicate" or anything else, and is never told apart by its wording.

Read leniently, as Credly asks its clients to: unknown fields are kept, absent ones are empty, ids are text.
What is inferred rather than documented says so where it stands.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, quote, urljoin, urlsplit

from django.utils.translation import gettext as _

from providers import http
from providers.base import (
    Ability,
    Checked,
    Event,
    Misconfigured,
    NotSupported,
    OutcomeUnknown,
    ProviderBadge,
    ProviderError,
    Rejected,
    Standing,
    Template,
)
from providers.reading import moment, part, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from providers.base import Account, Evidence, IssueRequest


def _authorization(token: str) -> str:
    """The token is the user name; the password is empty."""
    return "Basic " + b64encode(f"{token}:".encode()).decode()


def _sentence(body: Any) -> str:
    """`data.message` of a 422. The shape of the other refusals is not documented."""
    message = part(body, "data").get("message")
    return message if isinstance(message, str) else ""


DIALECT = http.Dialect(
    authorization=_authorization,
    sentence=_sentence,
    personal=frozenset(
        {
            "recipient_email",
            "issued_to",
            "issued_to_first_name",
            "issued_to_middle_name",
            "issued_to_last_name",
            "country",
            "country_name",
            "state_or_province",
            "user",
        }
    ),
)
# A token has separate permissions to read, write and delete. Where issuing does not need the permission, its
# lack (403) says nothing about the account.
BESIDE_ISSUING = replace(DIALECT, refuses_account=frozenset({401}))

STANDING = {
    "pending": Standing.PENDING,
    "accepted": Standing.ACCEPTED,
    "rejected": Standing.REJECTED,
    "revoked": Standing.REVOKED,
}
GONE = frozenset({404, 410})
# Django's code of a language → the one that Credly documents for it; in any other it writes English.
LOCALES = {
    "en": "en",
    "de": "de",
    "es": "es-ES",
    "fr": "fr",
    "fr-ca": "fr-CA",
    "ja": "ja",
    "ko": "ko",
    "pt": "pt",
    "pt-br": "pt-BR",
    "zh-hans": "zh-CN",
}


class Credly:
    """CORRECT_EMAIL is not among the abilities: a replacement goes to the address of what it replaces."""

    abilities: ClassVar[frozenset[Ability]] = frozenset(
        {
            Ability.CORRECT_NAME,
            Ability.DELETE,
            Ability.EXPIRE,
            Ability.RENEW,
            Ability.TELL_REASON,
            Ability.SUPPRESS,
            Ability.EVENTS,
        }
    )
    calls_per_minute: ClassVar[int | None] = None  # none is published

    def __init__(self, account: Account) -> None:
        """The API URL may end with the version or without it, as people copy it."""
        is_bare = urlsplit(account.api_url).path in {"", "/"}
        url = account.api_url.rstrip("/") + "/v1" if is_bare else account.api_url
        self._account = replace(account, api_url=url)

    # --- One badge ------------------------------------------------------------------------------------------

    def issue(self, request: IssueRequest) -> ProviderBadge:
        given = {
            **_person_and_dates(request),
            "recipient_email": request.email,
            "suppress_badge_notification_email": request.suppress_notification,
        }
        return self._badge(_object(self._request("POST", "/badges", json=given)))

    def find(self, request: IssueRequest) -> list[ProviderBadge]:
        """By address, which includes the other addresses of the same Credly user, and by the earner's id."""
        return [self._badge(row) for row in self._find(request).values()]

    def publish(self, external_id: str) -> ProviderBadge:
        raise NotSupported(_("Credly holds no badge back: each is issued or not."))

    def revoke(self, external_id: str, *, reason: str) -> ProviderBadge:
        reply = self._request("PUT", f"{_path_of(external_id)}/revoke", json={"reason": reason})
        return self._badge(_object(reply))

    def correct(self, external_id: str, request: IssueRequest) -> ProviderBadge:
        """Replace the badge by one with the names, expiry and evidence of `request`.

        All of them are sent, because Credly empties what a replacement leaves out. One that was replaced
        already, perhaps by a request of ours whose answer was lost, is refused with the id of the badge in
        its place: that one is the answer if it bears these names, and replaced in its turn if not.
        """
        try:
            return self._replace(external_id, request)
        except Rejected as refusal:
            # The field's name is recorded from a client in use, not documented.
            current = text(part(part(refusal.reply, "body"), "metadata"), "current_badge_id")
            if not current or current == external_id:
                raise
        row = self._find(request).get(current, {})
        names = text(row, "issued_to_first_name"), text(row, "issued_to_last_name")
        if names == (request.first_name, request.last_name):
            return self._badge(row)
        return self._replace(current, request)

    def renew(self, external_id: str, request: IssueRequest) -> ProviderBadge:
        """A replacement carries a date of issue and an expiry of its own. Whether a second badge beside an
        expired one counts as a duplicate is not documented."""
        return self.correct(external_id, request)

    def delete(self, external_id: str) -> None:
        try:
            self._request("DELETE", _path_of(external_id), dialect=BESIDE_ISSUING)
        except Rejected as refusal:
            if refusal.status not in GONE:
                raise
            self._require_organization()

    # --- Templates, badges, events --------------------------------------------------------------------------

    def templates(self) -> Iterator[Template]:
        for row in self._rows("/badge_templates", filter="state::active", sort="name"):
            # Asked for again here: a provider may forget the filter from the second page on.
            template = self._template(row)
            if template.state == "active":
                yield template

    def template(self, external_id: str) -> Template | None:
        try:
            reply = self._request("GET", f"/badge_templates/{quote(external_id, safe='')}")
        except Rejected as refusal:
            if refusal.status not in GONE:
                raise
            self._require_organization()
            return None
        return self._template(_object(reply))

    def badges(self, *, changed_since: datetime | None = None) -> Iterator[ProviderBadge]:
        """Every badge of the organization, each once though badges issued meanwhile move the pages."""
        if changed_since is not None:
            raise NotSupported(_("Credly does not list badges by when they changed: it tells events."))
        seen: set[str] = set()
        for row in self._rows("/badges"):
            badge = self._badge(row)
            if badge.external_id not in seen:
                seen.add(badge.external_id)
                yield badge

    def events(self, *, since: datetime | None = None) -> Iterator[Event]:
        """What Credly would have posted to the organization's webhook URL, sorted here."""
        found = {}
        for row in self._event_rows(since):
            event = self._event(row)
            if since is None or event.occurred_at is None or event.occurred_at >= since:
                found[event.external_id] = event
        latest = datetime.max.replace(tzinfo=UTC)
        yield from sorted(found.values(), key=lambda event: event.occurred_at or latest)

    def event(self, external_id: str) -> Event:
        path = f"/events/{quote(external_id, safe='')}"
        return self._event(_object(self._request("GET", path, dialect=BESIDE_ISSUING)))

    def check(self) -> Checked:
        """The organization's name, and the token's expiry if the token may read the list of tokens."""
        organization = _object(self._request("GET", ""))
        return Checked(name=text(organization, "name"), token_expires_at=self._token_expires_at())

    # --- Requests -------------------------------------------------------------------------------------------

    def _request(
        self,
        method: str,
        path: str,
        *,
        json: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        dialect: http.Dialect = DIALECT,
    ) -> http.Reply:
        organization = self._account.organization_id
        if not organization:
            raise Misconfigured(_("The account has no organization ID."))
        if not path.startswith(("http://", "https://")):
            path = f"/organizations/{quote(organization, safe='')}{path}"
        return http.request(self._account, method, path, dialect=dialect, json=json, params=params)

    def _page(
        self, path: str, params: dict[str, str], *, dialect: http.Dialect = DIALECT
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Rows and metadata of one page of a list."""
        body = self._request("GET", path, params=params, dialect=dialect).body
        rows = body.get("data")
        if not isinstance(rows, list):
            raise _unreadable()
        return [_checked(row) for row in rows], part(body, "metadata")

    def _rows(self, path: str, *, dialect: http.Dialect = DIALECT, **query: str) -> Iterator[dict[str, Any]]:
        """Every row of a list. The query goes with each page: the link to the next may have lost it."""
        page, params = path, query
        seen: set[tuple[str, str]] = set()
        while (page, params.get("page", "")) not in seen:
            seen.add((page, params.get("page", "")))
            rows, metadata = self._page(page, params, dialect=dialect)
            yield from rows
            link = text(metadata, "next_page_url")
            if not link:
                return
            page, params = self._next_page(link, path=path, query=query)
        raise OutcomeUnknown(_("The pages of Credly's list lead back to an earlier one."))

    def _next_page(self, link: str, *, path: str, query: dict[str, str]) -> tuple[str, dict[str, str]]:
        """The link on our account's own host. One to another, as from a legacy name to today's, never gets
        the token: the page of its number is asked for at our own address."""
        page = urljoin(self._account.api_url, link)
        if http.is_same_origin(page, self._account.api_url):
            return page, query
        numbers = parse_qs(urlsplit(page).query).get("page", [])
        if not numbers or not numbers[0].isdecimal():
            raise OutcomeUnknown(_("Credly's list goes on at another host."))
        return path, {**query, "page": numbers[0]}

    def _event_rows(self, since: datetime | None) -> Iterator[dict[str, Any]]:
        """The events since then, and some before.

        Neither a filter nor an order of this list is documented. Where its first page is in order, the rest
        is taken to be so too: pages are read from the newest on, until one is older than `since` throughout.
        """
        path = "/events"
        if since is None:
            yield from self._rows(path, dialect=BESIDE_ISSUING)
            return
        first, metadata = self._page(path, {}, dialect=BESIDE_ISSUING)
        pages = text(metadata, "total_pages")
        times = _times(first)
        falls, rises = times == sorted(times, reverse=True), times == sorted(times)
        if falls == rises or not pages.isdecimal():
            yield from self._rows(path, dialect=BESIDE_ISSUING)
            return
        yield from first
        if falls and _are_before(since, times):
            return
        numbers = range(2, int(pages) + 1)
        for number in numbers if falls else reversed(numbers):
            rows, _metadata = self._page(path, {"page": str(number)}, dialect=BESIDE_ISSUING)
            yield from rows
            if _are_before(since, _times(rows)):
                return

    def _require_organization(self) -> None:
        """A 404 may speak of the organization as well as of what is in it; this raises in the former case."""
        self._request("GET", "")

    def _find(self, request: IssueRequest) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for key, value in (
            ("recipient_email_all", request.email),
            ("issuer_earner_id", request.earner_id),
        ):
            # A bar in a value would end it and search for somebody else.
            if not value or "|" in value:
                continue
            wanted = f"badge_template_id::{request.template_id}|{key}::{value}"
            for row in self._rows("/badges", filter=wanted):
                if text(part(row, "badge_template"), "id") in {"", request.template_id}:
                    found[text(row, "id")] = row
        return found

    def _replace(self, external_id: str, request: IssueRequest) -> ProviderBadge:
        path = f"{_path_of(external_id)}/replace"
        return self._badge(_object(self._request("POST", path, json=_person_and_dates(request))))

    def _token_expires_at(self) -> datetime | None:
        """The list shows tokens in clear, so ours is found by itself; a list of one can be no other."""
        try:
            rows = list(self._rows("/authorization_tokens", dialect=BESIDE_ISSUING))
        except ProviderError:
            return None
        ours = [row for row in rows if text(row, "token") == self._account.token]
        if not ours and len(rows) == 1 and not text(rows[0], "token"):
            ours = rows
        return moment(ours[0], "expires_at") if ours else None

    # --- Reading --------------------------------------------------------------------------------------------

    def _badge(self, row: dict[str, Any]) -> ProviderBadge:
        expires_at = moment(row, "expires_at")
        return ProviderBadge(
            external_id=text(row, "id"),
            state=text(row, "state"),
            standing=_standing(row, expires_at=expires_at),
            url=text(row, "badge_url"),
            accept_url=text(row, "accept_badge_url"),
            template_id=text(part(row, "badge_template"), "id"),
            email=text(row, "recipient_email"),
            earner_id=text(row, "issuer_earner_id"),
            replaces_id=text(row, "replaces_badge_id"),
            created_at=moment(row, "created_at") or moment(row, "state_updated_at"),
            expires_at=expires_at,
            raw=self._redacted(row),
        )

    def _template(self, row: dict[str, Any]) -> Template:
        return Template(
            external_id=text(row, "id"),
            name=text(row, "name"),
            description=text(row, "description"),
            image_url=text(row, "image_url") or text(part(row, "image"), "url"),
            url=text(row, "url"),
            state=text(row, "state") or "active",
            allows_duplicates=row.get("allow_duplicate_badges") is True,
            raw=self._redacted(row),
        )

    def _event(self, row: dict[str, Any]) -> Event:
        badge, template = part(row, "badge"), part(row, "badge_template")
        return Event(
            external_id=text(row, "id"),
            kind=text(row, "event_type"),
            occurred_at=moment(row, "occurred_at"),
            badge=self._badge(badge) if text(badge, "id") else None,
            template=self._template(template) if text(template, "id") and not badge else None,
            raw=self._redacted(row),
        )

    def _redacted(self, row: dict[str, Any]) -> dict[str, Any]:
        kept = http.redact(row, account=self._account, dialect=DIALECT)
        return kept if isinstance(kept, dict) else {}


def _path_of(external_id: str) -> str:
    return f"/badges/{quote(external_id, safe='')}"


def _person_and_dates(request: IssueRequest) -> dict[str, Any]:
    """What issuing and replacing have in common. Without `expires_at` the template's own expiry counts."""
    given: dict[str, Any] = {
        "badge_template_id": request.template_id,
        "issued_to_first_name": request.first_name,
        "issued_to_last_name": request.last_name,
        "issuer_earner_id": request.earner_id,
        "issued_at": _written(request.issued_at),
    }
    if request.expires_at:
        given["expires_at"] = _written(request.expires_at.astimezone(request.issued_at.tzinfo))
    if request.language in LOCALES:
        given["locale"] = LOCALES[request.language]
    if request.evidence:
        given["evidence"] = [_evidence(item) for item in request.evidence]
    return given


def _written(value: datetime) -> str:
    """As in Credly's own examples: 2014-04-01 09:41:00 -0500."""
    return value.strftime("%Y-%m-%d %H:%M:%S %z")


def _evidence(item: Evidence) -> dict[str, str]:
    """An address, or else a title with a text. Of text alone no documented name of a type is known."""
    if item.url:
        shown = {"type": "UrlEvidence", "name": item.name or item.url, "value": item.url}
    else:
        shown = {"type": "IdEvidence", "title": item.name or item.description}
    return {**shown, "description": item.description} if item.description else shown


def _standing(row: dict[str, Any], *, expires_at: datetime | None) -> Standing:
    """Credly's four states do not tell that a badge was replaced or has expired; other fields do."""
    standing = STANDING.get(text(row, "state"), Standing.OTHER)
    if standing not in {Standing.PENDING, Standing.ACCEPTED}:
        return standing
    if text(row, "replacement_badge_id"):
        return Standing.OTHER
    if expires_at and expires_at <= datetime.now(UTC):
        return Standing.EXPIRED
    return standing


def _times(events: list[dict[str, Any]]) -> list[datetime]:
    """When they occurred; one without a time counts as of this moment, so that nothing ends with it."""
    now = datetime.now(UTC)
    return [moment(row, "occurred_at") or now for row in events]


def _are_before(since: datetime, times: list[datetime]) -> bool:
    return bool(times) and max(times) < since


def _object(reply: http.Reply) -> dict[str, Any]:
    return _checked(reply.body.get("data"))


def _checked(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict) or not text(row, "id"):
        raise _unreadable()
    return row


def _unreadable() -> OutcomeUnknown:
    return OutcomeUnknown(_("Credly's answer is not in the documented form."))
