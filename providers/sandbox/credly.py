"""The documented part of Credly's API: a request in, an answer out, and a badge in the store in between."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from providers.sandbox.store import Badge, Duplicate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from providers.sandbox.store import Organization, Store

PER_PAGE = 50
# Both prefixes are answered: Credly's own links to further pages carry another one than its documentation.
PREFIXES = ("/api/v1/", "/v1/")
REQUIRED = (
    "recipient_email",
    "issued_to_first_name",
    "issued_to_last_name",
    "badge_template_id",
    "issued_at",
)

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Request:
    """`base_url` is how the client names us, `public_url` how a person's browser does."""

    method: str
    path: str
    query: Mapping[str, str]
    authorization: str
    content_type: str
    body: bytes
    base_url: str
    public_url: str


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def as_json(status: int, value: Any) -> Answer:
    return Answer(status, json.dumps(value, separators=(",", ":")).encode())


def refuse(status: int, message: str) -> Answer:
    return as_json(status, {"data": {"message": message}, "metadata": None})


def is_api(path: str) -> bool:
    return path.startswith(PREFIXES)


def answer(request: Request, store: Store, *, search_lag: float = 0.0) -> Answer:
    try:
        return _route(request, store, search_lag=search_lag)
    except Refusal as refusal:
        return refuse(refusal.status, refusal.message)


def _route(request: Request, store: Store, *, search_lag: float) -> Answer:
    prefix = next(prefix for prefix in PREFIXES if request.path.startswith(prefix))
    token = _token(request.authorization)
    if token not in {organization.token for organization in store.organizations.values()}:
        raise Refusal(401, "The authorization token is missing or unknown.")
    match [request.method, *request.path.removeprefix(prefix).rstrip("/").split("/")]:
        case [method, "organizations", identity, *rest]:
            organization = _organization(store, identity, token=token)
        case _:
            raise Refusal(404, "There is nothing at this address.")
    match [method, *rest]:
        case ["GET"]:
            return _single(200, _organization_row(request, organization))
        case ["GET", "badge_templates"]:
            return _list_templates(request, store, organization)
        case ["GET", "badge_templates", identity]:
            return _single(200, _template_row(request, _template(store, organization, identity)))
        case ["GET", "badges"]:
            return _list_badges(request, store, organization, search_lag=search_lag)
        case ["POST", "badges"]:
            return _issue(request, store, organization)
        case ["PUT", "badges", identity, "revoke"]:
            return _revoke(request, store, organization, identity)
        case [_, "badges" | "badge_templates"] | [_]:
            raise Refusal(405, "This address does not know the method.")
    raise Refusal(404, "There is nothing at this address.")


def _token(authorization: str) -> str:
    """Basic authentication with the token as the user name and no password."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(encoded).decode().partition(":")[0]
    except ValueError:
        return ""


def _organization(store: Store, identity: str, *, token: str) -> Organization:
    organization = store.organizations.get(identity)
    if organization is None:
        raise Refusal(404, "There is no such organization.")
    if organization.token != token:
        raise Refusal(403, "The authorization token is for another organization.")
    return organization


def _template(store: Store, organization: Organization, identity: object) -> dict[str, Any]:
    template = store.templates.get(identity) if isinstance(identity, str) else None
    if template is None or template["organization_id"] != organization.id:
        raise Refusal(404, "There is no such badge template.")
    return template


# --- Badges -------------------------------------------------------------------------------------------------


def _issue(request: Request, store: Store, organization: Organization) -> Answer:
    given = _body(request)
    for name in REQUIRED:
        if not isinstance(given.get(name), str) or not given[name].strip():
            raise Refusal(422, f"{name} is required.")
    _, at, domain = given["recipient_email"].partition("@")
    if not at or "." not in domain or " " in given["recipient_email"].strip():
        raise Refusal(422, "recipient_email is not an e-mail address.")
    template = store.templates.get(given["badge_template_id"])
    if template is None or template["organization_id"] != organization.id:
        raise Refusal(422, "badge_template_id names no badge template of this organization.")
    if template["state"] != "active":
        raise Refusal(422, "The badge template is not active.")
    badge = Badge(
        organization_id=organization.id,
        badge_template_id=template["id"],
        recipient_email=given["recipient_email"].strip(),
        issued_to_first_name=given["issued_to_first_name"],
        issued_to_middle_name=given.get("issued_to_middle_name"),
        issued_to_last_name=given["issued_to_last_name"],
        issuer_earner_id=_optional_text(given, "issuer_earner_id"),
        issued_at=_moment(given["issued_at"]),
        expires_at=given.get("expires_at") or None,
        locale=given.get("locale") or "en",
        evidence=given.get("evidence") or [],
        suppress_badge_notification_email=given.get("suppress_badge_notification_email") is True,
    )
    try:
        store.add(badge)
    except Duplicate:
        raise Refusal(422, "This person has this badge already, pending or accepted.") from None
    return _single(201, _badge_row(request, store, badge))


def _revoke(request: Request, store: Store, organization: Organization, identity: str) -> Answer:
    given = _body(request)
    badge = store.badges.get(identity)
    if badge is None or badge.organization_id != organization.id:
        raise Refusal(404, "There is no such badge.")
    reason = _optional_text(given, "reason")
    if not store.move(badge, "revoked", unless=frozenset({"revoked"}), reason=reason):
        raise Refusal(422, "The badge is revoked already.")
    return _single(200, _badge_row(request, store, badge))


def _list_badges(request: Request, store: Store, organization: Organization, *, search_lag: float) -> Answer:
    wanted = _filter(
        request,
        known={"recipient_email_all", "recipient_email", "issuer_earner_id", "badge_template_id", "state"},
    )
    visible_until = datetime.now(UTC).timestamp() - search_lag
    found = [
        badge
        for badge in _candidates(store, wanted)
        if badge.organization_id == organization.id
        and _matches(badge, wanted)
        and (not search_lag or datetime.fromisoformat(badge.created_at).timestamp() <= visible_until)
    ]
    ordered = _sorted(request, found, value=getattr, known={"created_at", "issued_at", "state_updated_at"})
    return _page(request, ordered, row=lambda badge: _badge_row(request, store, badge))


def _candidates(store: Store, wanted: Mapping[str, set[str]]) -> Iterable[Badge]:
    """The smallest set that can be reached directly."""
    emails = wanted.get("recipient_email_all") or wanted.get("recipient_email")
    if emails:
        return [badge for email in emails for badge in store.of_email(email)]
    if "issuer_earner_id" in wanted:
        return [badge for earner_id in wanted["issuer_earner_id"] for badge in store.of_earner(earner_id)]
    return list(store.badges.values())


def _matches(badge: Badge, wanted: Mapping[str, set[str]]) -> bool:
    email = badge.recipient_email.lower()
    actual = {**vars(badge), "recipient_email": email, "recipient_email_all": email}
    return all(actual[name] in values for name, values in wanted.items())


# --- Templates ----------------------------------------------------------------------------------------------


def _list_templates(request: Request, store: Store, organization: Organization) -> Answer:
    wanted = _filter(request, known={"state", "name", "query"})
    words = wanted.pop("query", set())
    names = {name.strip('"') for name in wanted.pop("name", ())}
    found = [
        template
        for template in store.templates.values()
        if template["organization_id"] == organization.id
        and all(template[name] in values for name, values in wanted.items())
        and (not names or template["name"].lower() in names)
        and all(word in template["name"].lower() for word in words)
    ]
    ordered = _sorted(request, found, value=dict.get, known={"name", "created_at", "updated_at"})
    return _page(request, ordered, row=lambda template: _template_row(request, template))


# --- Reading a request --------------------------------------------------------------------------------------


def _body(request: Request) -> dict[str, Any]:
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "The body must be JSON, and Content-Type must say so.")
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refusal(400, "The body is not JSON.") from None
    if not isinstance(given, dict):
        raise Refusal(400, "The body is not a JSON object.")
    return given


def _optional_text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    return None if value in (None, "") else str(value)


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise Refusal(422, "issued_at must look like 2014-04-01 09:41:00 -0500.")
    return moment.isoformat(timespec="milliseconds")


def _filter(request: Request, *, known: set[str]) -> dict[str, set[str]]:
    """`key::value|key::value`, where a value may be a list with commas. An unknown key is refused, so that a
    mistyped filter is not taken for a search that found everything."""
    wanted: dict[str, set[str]] = {}
    for part in filter(None, request.query.get("filter", "").split("|")):
        name, separator, value = part.partition("::")
        if not separator or name not in known:
            raise Refusal(422, f"filter {part!r} is not known here.")
        lower = name in {"recipient_email_all", "recipient_email", "name", "query"}
        wanted[name] = {item.strip() for item in (value.lower() if lower else value).split(",")}
    return wanted


def _sorted(
    request: Request, items: list[Item], *, value: Callable[[Item, str], object], known: set[str]
) -> list[Item]:
    """`sort=first|-second`: the last key is applied first, since sorting keeps the order of equals."""
    for part in reversed([part for part in request.query.get("sort", "").split("|") if part]):
        name = part.removeprefix("-")
        if name not in known:
            raise Refusal(422, f"sort {part!r} is not known here.")
        keys = [str(value(item, name)) for item in items]
        order = sorted(range(len(items)), key=keys.__getitem__, reverse=part.startswith("-"))
        items = [items[position] for position in order]
    return items


# --- Writing an answer --------------------------------------------------------------------------------------


def _single(status: int, row: dict[str, Any]) -> Answer:
    return as_json(status, {"data": row, "metadata": {}})


def _page(request: Request, items: list[Item], *, row: Callable[[Item], dict[str, Any]]) -> Answer:
    number = _page_number(request)
    pages = max(1, -(-len(items) // PER_PAGE))
    shown = items[(number - 1) * PER_PAGE : number * PER_PAGE]
    metadata = {
        "count": len(shown),
        "current_page": number,
        "total_count": len(items),
        "total_pages": pages,
        "per": PER_PAGE,
        "previous_page_url": _page_url(request, number - 1) if number > 1 else None,
        "next_page_url": _page_url(request, number + 1) if number < pages else None,
    }
    return as_json(200, {"data": [row(item) for item in shown], "metadata": metadata})


def _page_number(request: Request) -> int:
    text = request.query.get("page", "1")
    if not text.isdecimal() or int(text) < 1:
        raise Refusal(422, "page must be a number from 1.")
    return int(text)


def _page_url(request: Request, number: int) -> str:
    path = request.path.removeprefix("/api").removeprefix("/v1/")
    return f"{request.base_url}/api/v1/{path}?{urlencode({**request.query, 'page': number})}"


def _organization_row(request: Request, organization: Organization) -> dict[str, Any]:
    return {
        "id": organization.id,
        "name": organization.name,
        "website_url": request.public_url,
        "photo_url": None,
        "bio": "A sandbox: its badges are for trying things out.",
    }


def _template_row(request: Request, template: dict[str, Any]) -> dict[str, Any]:
    image_url = f"{request.public_url}/images/{template['id']}.svg"
    shown = {
        name: value
        for name, value in template.items()
        if name not in {"organization_id", "organization_name"}
    }
    return {
        "public": True,
        "visibility": "public",
        "allow_duplicate_badges": False,
        "recipient_type": "User",
        "skills": [],
        "alignments": [],
        "recommendations": [],
        "reporting_tags": [],
        "badge_template_activities": [],
        "global_activity_url": None,
        "default_expires_at": None,
        "image": {"id": template["id"], "url": image_url},
        "image_url": image_url,
        "url": f"{request.public_url}/?template={template['id']}",
        "owner": {"type": "Organization", "id": template["organization_id"]},
        **shown,
    }


def _badge_row(request: Request, store: Store, badge: Badge) -> dict[str, Any]:
    organization = store.organizations[badge.organization_id]
    page = f"{request.public_url}/badges/{badge.id}"
    link = "accept_badge_url" if badge.state == "pending" else "badge_url"
    return {
        "id": badge.id,
        "state": badge.state,
        "recipient_email": badge.recipient_email,
        "issued_to": badge.issued_to,
        "issued_to_first_name": badge.issued_to_first_name,
        "issued_to_middle_name": badge.issued_to_middle_name,
        "issued_to_last_name": badge.issued_to_last_name,
        "issuer_earner_id": badge.issuer_earner_id,
        "locale": badge.locale,
        "public": badge.state == "accepted",
        "issued_at": badge.issued_at,
        "issued_at_date": badge.issued_at[:10],
        "expires_at": badge.expires_at,
        "state_updated_at": badge.state_updated_at,
        "suppress_badge_notification_email": badge.suppress_badge_notification_email,
        "replacement_badge_id": None,
        "replaces_badge_id": None,
        "revocation_reason": badge.revocation_reason,
        "image_url": f"{request.public_url}/images/{badge.badge_template_id}.svg",
        "user": None if badge.state == "pending" else {"id": badge.id, "url": page},
        "issuer": {
            "summary": f"issued by {organization.name}",
            "entities": [
                {
                    "label": "Issued by",
                    "primary": True,
                    "entity": {"type": "Organization", "id": organization.id, "name": organization.name},
                }
            ],
        },
        "badge_template": _template_row(request, _known_template(store, badge)),
        "evidence": badge.evidence,
        link: page,
    }


def _known_template(store: Store, badge: Badge) -> dict[str, Any]:
    """A restart with other templates does not take away what was issued."""
    gone = {
        "id": badge.badge_template_id,
        "organization_id": badge.organization_id,
        "name": "",
        "state": "archived",
    }
    return store.templates.get(badge.badge_template_id, gone)
