"""The documented part of Accredible's API: credentials, groups, designs and the issuer.

Errors come in the shapes that are documented, which are many. Where Accredible's documentation is silent, the
answer here is a guess, and says so where it is made.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from providers.sandbox.messages import Answer, Refusal, as_json
from providers.sandbox.store import Credential, Duplicate, as_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from providers.sandbox.messages import Request
    from providers.sandbox.store import Organization, Store

PREFIXES = ("/v1/credentials", "/v1/issuer/", "/v1/designs", "/v2/credentials")
PAGE_SIZE = 50
SEARCH_REACH = 10_000
SCHEME = "Token token="
DENIED = Answer(401, b"HTTP Token: Access denied.\n", "text/html; charset=utf-8")
DATES = frozenset({"issued_on", "expired_on", "updated_at", "created_at"})
TEXTS = frozenset({"group.id", "recipient_name", "recipient_email", "recipient_id", "license_id"})
INDEXED = ("license_id", "recipient_email", "recipient_id")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda actual, wanted: bool(actual == wanted),
    "in": lambda actual, wanted: actual in wanted,
    "lt": lambda actual, wanted: bool(actual < wanted),
    "lte": lambda actual, wanted: bool(actual <= wanted),
    "gt": lambda actual, wanted: bool(actual > wanted),
    "gte": lambda actual, wanted: bool(actual >= wanted),
}
SORTS = ("id", "recipient_name", "group.name", "issued_on", "expired_on")


def is_api(path: str) -> bool:
    return path.startswith(PREFIXES)


def account_of(request: Request, store: Store) -> str:
    organization = _organization(request, store)
    return organization.id if organization else ""


def answer(request: Request, store: Store, *, search_lag: float = 0.0) -> Answer:
    organization = _organization(request, store)
    if organization is None:
        return DENIED
    try:
        return _route(request, store, organization, search_lag=search_lag)
    except Refusal as refused:
        return refused.answer


def _organization(request: Request, store: Store) -> Organization | None:
    """A key says by itself whose it is."""
    key = request.authorization.removeprefix(SCHEME)
    if not key or key == request.authorization:
        return None
    accounts = store.organizations.values()
    return next((one for one in accounts if one.vendor == "accredible" and one.token == key), None)


def _route(request: Request, store: Store, organization: Organization, *, search_lag: float) -> Answer:
    match [request.method, *request.path.strip("/").split("/")]:
        case ["POST", "v1", "credentials"]:
            found = _create(request, store, organization)
        case [method, "v1", "credentials", identity]:
            found = _one(request, store, organization, method=method, identity=identity)
        case ["POST", "v2", "credentials", "search"]:
            found = _search(request, store, organization, search_lag=search_lag)
        case ["POST", "v1", "issuer", "groups", "search"]:
            found = _list_groups(request, store, organization)
        case ["GET", "v1", "issuer", "groups", identity]:
            found = as_json(200, {"group": _group_row(_group(store, organization, identity))})
        case ["GET", "v1", "issuer", "details"]:
            found = as_json(200, {"issuer": _issuer_row(request, organization)})
        case ["POST", "v1", "designs", "search"]:
            found = _list_designs(request, store, organization)
        case ["GET", "v1", "designs", identity]:
            found = as_json(200, {"design": _design_row(request, _group(store, organization, identity))})
        case _:
            raise _not_found()
    return found


def _not_found() -> Refusal:
    return Refusal(as_json(404, {"error": "Not found"}))


def _invalid(errors: Any) -> Refusal:
    return Refusal(as_json(422, {"errors": errors}))


# --- Credentials --------------------------------------------------------------------------------------------


def _create(request: Request, store: Store, organization: Organization) -> Answer:
    given = request.json_object().get("credential")
    if not isinstance(given, dict) or not isinstance(given.get("recipient"), dict):
        raise _invalid("Can not create credential without recipient data")
    person = _person(given["recipient"], known={})
    group = store.templates.get(str(given.get("group_id", "")))
    if group is None or group["organization_id"] != organization.id:
        raise _invalid("Invalid Group")
    credential = Credential(
        organization_id=organization.id,
        group_id=group["id"],
        license_id=_optional(given, "id"),
        issued_on=_day(given, "issued_on") or _today(),
        name=given.get("name") or group["name"],
        description=given.get("description") or group["description"],
        approve=given.get("approve") is not False,
        private=given.get("private") is True,
        evidence_items=_evidence(given.get("evidence_items")),
        **person,
        **_given(given, exclude={"name", "description", "approve", "private"}),
    )
    try:
        store.add_credential(credential)
    except Duplicate:
        # The documented words are those of version 2; that version 1 has this shape for them is a guess.
        words = "has already been taken: this group allows one credential for an address"
        raise _invalid({"recipient.email": [words]}) from None
    return as_json(200, {"credential": _row(request, store, credential)})


def _one(request: Request, store: Store, organization: Organization, *, method: str, identity: str) -> Answer:
    credential = store.credential(identity, organization_id=organization.id)
    if credential is None:
        raise Refusal(as_json(404, {"success": False, "data": "No credential of this id in your account"}))
    match method:
        case "PUT":
            given = request.json_object().get("credential")
            if not isinstance(given, dict):
                raise _invalid({"credential": ["can't be blank"]})
            credential = store.change_credential(credential.id, **_changes(given, credential)) or credential
        case "DELETE":
            store.delete_credential(credential.id)
        case "GET":
            pass
        case _:
            raise _not_found()
    return as_json(200, {"credential": _row(request, store, credential)})


def _changes(given: Mapping[str, Any], credential: Credential) -> dict[str, Any]:
    changes = _given(given, exclude=set())
    if "issued_on" in given:
        changes["issued_on"] = _day(given, "issued_on") or credential.issued_on
    if "evidence_items" in given:
        changes["evidence_items"] = _evidence(given["evidence_items"])
    if isinstance(given.get("recipient"), dict):
        changes.update(_person(given["recipient"], known=vars(credential)))
    return changes


def _given(given: Mapping[str, Any], *, exclude: set[str]) -> dict[str, Any]:
    """The fields that creating and updating take alike, as far as they are there."""
    plain = {"name", "description", "approve", "private", "complete", "custom_attributes", "references"}
    found = {name: given[name] for name in (*plain, "meta_data") if name in given and name not in exclude}
    if "expired_on" in given:
        found["expired_on"] = _day(given, "expired_on")
    return found


def _person(recipient: Mapping[str, Any], *, known: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: recipient.get(name) or known.get(f"recipient_{name}") for name in ("name", "email")}
    blank = [name for name, value in told.items() if not isinstance(value, str) or not value.strip()]
    if blank:
        raise _invalid({f"recipient.{name}": ["can't be blank"] for name in blank})
    email = str(told["email"]).strip()
    _, at, domain = email.partition("@")
    if not at or "." not in domain or " " in email:
        raise _invalid({"recipient.email": ["is invalid"]})
    return {
        "recipient_name": told["name"],
        "recipient_email": email,
        "recipient_id": _optional(recipient, "id") or known.get("recipient_id"),
        "recipient_meta_data": recipient.get("meta_data") or known.get("recipient_meta_data"),
    }


def _evidence(items: Any) -> list[dict[str, Any]]:
    known = {"file", "url", "video", "grade", "transcript"}
    for item in items or ():
        if not isinstance(item, dict) or item.get("category") not in known or not item.get("description"):
            raise _invalid({"evidence_items": ["need a description and a known category"]})
    return [
        {
            "id": position,
            "description": item["description"],
            "preview_image_url": None,
            "link_url": item.get("url") or item.get("file"),
            "type": item["category"],
            "string_object": item.get("string_object"),
            "supplemental": False,
            "position": position,
        }
        for position, item in enumerate(items or ())
    ]


def _optional(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    return None if value in (None, "") else str(value)


def _day(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value in (None, ""):
        return None
    try:
        return as_day(str(value)).isoformat()
    except ValueError:
        raise _invalid({name: ["is not a date like 2026-03-02"]}) from None


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


# --- The search of version 2 --------------------------------------------------------------------------------


def _search(request: Request, store: Store, organization: Organization, *, search_lag: float) -> Answer:
    given = request.json_object()
    query = given.get("query")
    if not isinstance(query, dict):
        raise _bad_search("query must be an object.")
    tests = [_test(name, value) for name, value in query.items()]
    visible_until = datetime.now(UTC).timestamp() - search_lag
    found = [
        credential
        for credential in _candidates(store, query)
        if credential.organization_id == organization.id
        and all(test(credential) for test in tests)
        and (not search_lag or datetime.fromisoformat(credential.created_at).timestamp() <= visible_until)
    ]
    for name, order in reversed((given.get("sort") or {}).items()):
        if name not in SORTS or order not in {"asc", "desc"}:
            raise _bad_search(f"sort by {name} {order} is not known.")
        found.sort(key=_sort_key(store, name), reverse=order == "desc")
    shown, meta = _searched(found, given.get("page") or {})
    return as_json(200, {"credentials": [_hit(store, item) for item in shown], "meta": meta})


def _bad_search(message: str) -> Refusal:
    body = {"code": 400, "message": message, "status": "invalid_search_query", "errors": [message]}
    return Refusal(as_json(400, body))


def _candidates(store: Store, query: Mapping[str, Any]) -> Iterable[Credential]:
    """The smallest set that can be reached directly."""
    for name in INDEXED:
        if isinstance(query.get(name), str):
            return store.of_recipient(name, query[name])
    return list(store.credentials.values())


def _test(key: str, wanted: Any) -> Callable[[Credential], bool]:
    name, bracket, operator = key.partition("[")
    operator = operator.rstrip("]") if bracket else "eq"
    if name == "meta_data" and isinstance(wanted, dict) and operator == "eq":
        return lambda credential: wanted.items() <= (credential.meta_data or {}).items()
    if name == "approve" and operator == "eq":
        return lambda credential: credential.approve is wanted
    if name not in TEXTS | DATES or operator not in (COMPARE if name in DATES else {"eq", "in"}):
        raise _bad_search(f"{key} is not a known field and operator.")
    compare, normal = COMPARE[operator], _as_date if name in DATES else str.lower
    values = wanted if operator == "in" else [wanted]
    if not isinstance(values, list):
        raise _bad_search(f"{key} needs a list.")
    known = [normal(str(value)) for value in values]

    def passes(credential: Credential) -> bool:
        value = _value(credential, name)
        return bool(value) and compare(normal(value), known if operator == "in" else known[0])

    return passes


def _value(credential: Credential, name: str) -> str:
    return credential.group_id if name == "group.id" else str(getattr(credential, name) or "")


def _as_date(text: str) -> date:
    try:
        return as_day(text[:10])
    except ValueError as error:
        raise _bad_search(str(error)) from None


def _sort_key(store: Store, name: str) -> Callable[[Credential], Any]:
    if name == "id":
        return lambda credential: int(credential.id)
    if name == "group.name":
        return lambda credential: store.templates.get(credential.group_id, {}).get("name", "")
    return lambda credential: str(getattr(credential, name) or "")


def _searched(found: list[Credential], page: Mapping[str, Any]) -> tuple[list[Credential], dict[str, Any]]:
    """By number of rows up to a limit, or by cursor. How an answer tells its cursor is a guess: here it does
    so where there is more than the numbers reach."""
    size = _number(page, "size", PAGE_SIZE)
    start = _number(page, "cursor", 0) if "cursor" in page else _number(page, "from", 0)
    if "cursor" not in page and start + size > SEARCH_REACH:
        raise _bad_search(f"from and size reach beyond {SEARCH_REACH}: use a cursor.")
    meta: dict[str, Any] = {"count": len(found), "from": start, "size": size}
    if len(found) > SEARCH_REACH:
        meta["next_cursor"] = str(start + size) if start + size < len(found) else None
    return found[start : start + size], meta


def _number(page: Mapping[str, Any], name: str, default: int) -> int:
    text = str(page.get(name, default))
    if not text.isdecimal():
        raise _bad_search(f"page.{name} must be a number.")
    return int(text)


# --- Groups and designs: each group has a design with its own number ----------------------------------------


def _groups(store: Store, organization: Organization) -> list[dict[str, Any]]:
    ours = [row for row in store.templates.values() if row["organization_id"] == organization.id]
    return sorted(ours, key=lambda row: int(row["id"]))


def _group(store: Store, organization: Organization, identity: str) -> dict[str, Any]:
    group = store.templates.get(identity)
    if group is None or group["organization_id"] != organization.id:
        raise Refusal(as_json(404, {"success": False, "data": "Group does not exist"}))
    return group


def _list_groups(request: Request, store: Store, organization: Organization) -> Answer:
    given = request.json_object()
    found = _groups(store, organization)
    if given.get("name"):
        found = [group for group in found if group["name"] == given["name"]]
    if given.get("ids"):
        found = [group for group in found if int(group["id"]) in given["ids"]]
    number, size = int(given.get("page") or 1), int(given.get("page_size") or PAGE_SIZE)
    pages = max(1, -(-len(found) // size))
    meta = {
        "current_page": number,
        "next_page": number + 1 if number < pages else None,
        "prev_page": number - 1 if number > 1 else None,
        "total_pages": pages,
        "total_count": len(found),
    }
    shown = found[(number - 1) * size : number * size]
    return as_json(200, {"groups": [_group_row(group) for group in shown], "meta": meta})


def _list_designs(request: Request, store: Store, organization: Organization) -> Answer:
    given = request.json_object()
    number, size = int(given.get("page") or 1), int(given.get("page_size") or PAGE_SIZE)
    shown = _groups(store, organization)[(number - 1) * size : number * size]
    return as_json(200, {"designs": [_design_row(request, group) for group in shown]})


# --- Writing an answer --------------------------------------------------------------------------------------


def _row(request: Request, store: Store, credential: Credential) -> dict[str, Any]:
    """As version 1 tells it: nested, with the id as text."""
    organization = store.organizations[credential.organization_id]
    image = f"{request.public_url}/images/{credential.group_id}.svg"
    return {
        "id": credential.id,
        "name": credential.name,
        "description": credential.description,
        "approve": credential.approve,
        "grade": None,
        "complete": credential.complete,
        "issued_on": credential.issued_on,
        "expired_on": credential.expired_on,
        "course_link": None,
        "custom_attributes": credential.custom_attributes,
        "group_name": store.templates.get(credential.group_id, {}).get("name", ""),
        "group_id": int(credential.group_id),
        "url": f"{request.public_url}/credentials/{credential.id}",
        "encoded_id": f"{int(credential.id):x}",
        "private": credential.private,
        "seo_image": image,
        "certificate": {"image": {"preview": None}},
        "badge": {"image": {"preview": image}},
        "evidence_items": credential.evidence_items,
        "references": credential.references,
        "recipient": {
            "name": credential.recipient_name,
            "email": credential.recipient_email,
            "id": credential.recipient_id,
            "meta_data": credential.recipient_meta_data,
        },
        "issuer": {
            "name": organization.name,
            "description": None,
            "url": request.public_url,
            "id": int(organization.id),
        },
        "meta_data": credential.meta_data,
    }


def _hit(store: Store, credential: Credential) -> dict[str, Any]:
    """As the search tells it: flat, with the id as a number and without an address."""
    group = store.templates.get(credential.group_id, {})
    return {
        "id": int(credential.id),
        "name": credential.name,
        "group": {
            "id": int(credential.group_id),
            "badge_design_id": int(credential.group_id),
            "certificate_design_id": None,
            "course_name": group.get("name", ""),
            "name": group.get("name", ""),
        },
        **{
            name: getattr(credential, name)
            for name in (
                *("approve", "issued_on", "expired_on", "private", "custom_attributes", "meta_data"),
                *("recipient_name", "recipient_email", "recipient_id", "recipient_meta_data"),
                *("license_id", "uuid", "created_at", "updated_at", "published_on"),
            )
        },
        "recipient_engaged": False,
        "recipient_opened": False,
        "issuer_id": int(credential.organization_id),
    }


def _group_row(group: dict[str, Any]) -> dict[str, Any]:
    """Without the setting that allows duplicates: the documented answers have none."""
    return {
        "id": int(group["id"]),
        "name": group["name"],
        "course_name": group.get("course_name") or group["name"],
        "course_description": group["description"],
        "course_link": group.get("course_link"),
        "learning_outcomes": [],
        "language": "en",
        "attach_pdf": False,
        "design_id": None,
        "certificate_design_id": None,
        "badge_design_id": int(group["id"]),
        "primary_design_id": int(group["id"]),
        "department_id": 1,
        "meta_data": None,
        "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z",
    }


def _design_row(request: Request, group: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": int(group["id"]),
        "name": f"Design of {group['name']}",
        "kind": "badge",
        "department_id": 1,
        "rasterized_content_url": f"{request.public_url}/images/{group['id']}.svg",
        "meta_data": None,
    }


def _issuer_row(request: Request, organization: Organization) -> dict[str, Any]:
    return {
        "id": int(organization.id),
        "name": organization.name,
        "email": "issuer@sandbox.example",
        "certificate_left": organization.credits,
        "language": "en",
        "url": request.public_url,
    }
