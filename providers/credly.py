"""Credly's Web Service API, version 1, in our words.

Credly has no idempotency key. Its only guard against a second badge is the refusal of a duplicate: the same
template with the same e-mail address or the same `issuer_earner_id`, so both go with every badge and both are
searched. A refusal with 422 says "duplicate" or anything else, and is never told apart by its wording.

Read leniently, as Credly asks its clients to: unknown fields are kept, absent ones are empty, ids are text.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

from django.utils.translation import gettext as _

from providers import http
from providers.base import (
    Ability,
    Checked,
    Misconfigured,
    OutcomeUnknown,
    ProviderBadge,
    Standing,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from providers.base import Account, IssueRequest


def _authorization(token: str) -> str:
    """The token is the user name; the password is empty."""
    return "Basic " + b64encode(f"{token}:".encode()).decode()


def _sentence(body: Any) -> str:
    """`data.message` of a 422. The shape of the other refusals is not documented."""
    data = body.get("data") if isinstance(body, dict) else None
    message = data.get("message") if isinstance(data, dict) else None
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
            "user",
        }
    ),
)


STANDING = {
    "pending": Standing.PENDING,
    "accepted": Standing.ACCEPTED,
    "rejected": Standing.REJECTED,
    "revoked": Standing.REVOKED,
}


class Credly:
    abilities = frozenset({Ability.SUPPRESS, Ability.TELL_REASON})
    calls_per_minute = None  # none is published

    def __init__(self, account: Account) -> None:
        self._account = account

    def issue(self, request: IssueRequest) -> ProviderBadge:
        reply = self._request(
            "POST",
            "/badges",
            json={
                "badge_template_id": request.template_id,
                "recipient_email": request.email,
                "issued_to_first_name": request.first_name,
                "issued_to_last_name": request.last_name,
                "issuer_earner_id": request.earner_id,
                "issued_at": request.issued_at.strftime("%Y-%m-%d %H:%M:%S %z"),
                "suppress_badge_notification_email": request.suppress_notification,
            },
        )
        return self._badge(_object(reply))

    def find(self, request: IssueRequest) -> list[ProviderBadge]:
        """Searched by any address of the person, then by our id: either makes a second badge a duplicate."""
        found: dict[str, ProviderBadge] = {}
        for key, value in (
            ("recipient_email_all", request.email),
            ("issuer_earner_id", request.earner_id),
        ):
            # A bar in a value would end it and search for somebody else.
            if not value or "|" in value:
                continue
            for row in self._rows(
                "/badges", filter=f"badge_template_id::{request.template_id}|{key}::{value}"
            ):
                badge = self._badge(row)
                if badge.template_id in {"", request.template_id}:
                    found[badge.external_id] = badge
        return list(found.values())

    def revoke(self, external_id: str, *, reason: str) -> ProviderBadge:
        reply = self._request("PUT", f"/badges/{quote(external_id, safe='')}/revoke", json={"reason": reason})
        return self._badge(_object(reply))

    def templates(self) -> Iterator[Template]:
        for row in self._rows("/badge_templates", filter="state::active", sort="name"):
            # Asked for again here: a provider may forget the filter from the second page on.
            template = self._template(row)
            if template.state == "active":
                yield template

    def check(self) -> Checked:
        return Checked(name=_text(_object(self._request("GET", "")), "name"))

    def _request(
        self,
        method: str,
        path: str,
        *,
        json: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
    ) -> http.Reply:
        organization = self._account.organization_id
        if not organization:
            raise Misconfigured(_("The account has no organization ID."))
        if not path.startswith(("http://", "https://")):
            path = f"/organizations/{quote(organization, safe='')}{path}"
        return http.request(self._account, method, path, dialect=DIALECT, json=json, params=params)

    def _rows(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Every row of a list. The query goes with each page: the link to the next may have lost it."""
        page = path
        seen: set[str] = set()
        while page not in seen:
            seen.add(page)
            body = self._request("GET", page, params=query).body
            rows, metadata = body.get("data"), body.get("metadata")
            if not isinstance(rows, list):
                raise _unreadable()
            for row in rows:
                yield _checked(row)
            link = metadata.get("next_page_url") if isinstance(metadata, dict) else None
            if not link:
                return
            page = urljoin(self._account.api_url, str(link))
        raise OutcomeUnknown(_("The pages of Credly's list lead back to an earlier one."))

    def _badge(self, row: dict[str, Any]) -> ProviderBadge:
        template = row.get("badge_template")
        return ProviderBadge(
            external_id=_text(row, "id"),
            state=_text(row, "state"),
            standing=STANDING.get(_text(row, "state"), Standing.OTHER),
            url=_text(row, "badge_url"),
            accept_url=_text(row, "accept_badge_url"),
            template_id=_text(template, "id") if isinstance(template, dict) else "",
            email=_text(row, "recipient_email"),
            created_at=_moment(row, "created_at") or _moment(row, "state_updated_at"),
            raw=self._redacted(row),
        )

    def _template(self, row: dict[str, Any]) -> Template:
        image = row.get("image")
        image_url = _text(row, "image_url") or (_text(image, "url") if isinstance(image, dict) else "")
        return Template(
            external_id=_text(row, "id"),
            name=_text(row, "name"),
            description=_text(row, "description"),
            image_url=image_url,
            url=_text(row, "url"),
            state=_text(row, "state") or "active",
            allows_duplicates=row.get("allow_duplicate_badges") is True,
            raw=self._redacted(row),
        )

    def _redacted(self, row: dict[str, Any]) -> dict[str, Any]:
        kept = http.redact(row, account=self._account, dialect=DIALECT)
        return kept if isinstance(kept, dict) else {}


def _object(reply: http.Reply) -> dict[str, Any]:
    return _checked(reply.body.get("data"))


def _checked(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict) or not _text(row, "id"):
        raise _unreadable()
    return row


def _unreadable() -> OutcomeUnknown:
    return OutcomeUnknown(_("Credly's answer is not in the documented form."))


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)


def _moment(row: dict[str, Any], name: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(row, name))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
