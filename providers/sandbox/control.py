"""The sandbox's own switches, below /_sandbox/: what it received, and what is to be so from now on.

GET  received     everything, as JSON
GET  faults       those that are ordered            POST faults     these and no others (see faults.py);
                                                                    with "account": of that account alone,
                                                                    with "about": [texts] of requests that
                                                                    name all of these, such as one pair
GET  accounts     without their tokens              POST accounts   {"id", and any of SETTINGS}
POST templates    {"id", and what is to change}, or a new one with "organization_id" and "name"
POST people       {"emails": [...]}: addresses of one person
POST forget       as on the first start, faults included
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeGuard

from providers.sandbox import faults, templates
from providers.sandbox.messages import as_json, refuse
from providers.sandbox.store import SETTINGS

if TYPE_CHECKING:
    from providers.sandbox.messages import Answer, Request
    from providers.sandbox.server import Server

PREFIX = "/_sandbox/"


def answer(server: Server, request: Request) -> Answer | None:
    """None when the address is not one of a switch."""
    if not request.path.startswith(PREFIX):
        return None
    try:
        return _route(server, request)
    except ValueError as error:
        return refuse(422, str(error))


def _route(server: Server, request: Request) -> Answer:
    found: dict[str, Any]
    match [request.method, request.path.removeprefix(PREFIX)]:
        case ["GET", "received"]:
            asked = {"connections": server.connections, "webhooks": list(server.messenger.attempts)}
            found = {**server.store.summary(), **asked}
        case ["GET", "faults"]:
            found = _described_faults(server)
        case ["POST", "faults"]:
            _order_faults(server, _object(request))
            found = _described_faults(server)
        case ["GET", "accounts"]:
            found = {"accounts": [account.described() for account in server.store.organizations.values()]}
        case ["POST", "accounts"]:
            found = _set_account(server, _object(request))
        case ["POST", "templates"]:
            found = _save_template(server, _object(request))
        case ["POST", "people"]:
            found = _join(server, _object(request))
        case ["POST", "forget"]:
            found = _forget(server)
        case _:
            return refuse(404, "There is no such switch.")
    return as_json(200, found)


def _forget(server: Server) -> dict[str, Any]:
    _order_faults(server, {})
    server.messenger.forget_all()
    server.store.forget_all()
    return {}


def _object(request: Request) -> dict[str, Any]:
    given = json.loads(request.body or b"{}")
    if not isinstance(given, dict):
        raise ValueError("A JSON object is needed.")
    return given


def _described_faults(server: Server) -> dict[str, Any]:
    accounts = {identity: active.described() for identity, active in server.faults_of.items()}
    about = [{"about": list(texts), **active.described()} for texts, active in server.faults_about.items()]
    special = {"accounts": accounts, "requests": about}
    return {**server.faults.described(), **{name: found for name, found in special.items() if found}}


def _order_faults(server: Server, given: dict[str, Any]) -> None:
    """Of one account, of some requests, or of all: then the others end too."""
    account, about = given.pop("account", None), given.pop("about", None)
    if about is not None and not _is_texts(about):
        raise ValueError("about must be a list of texts.")
    ordered = faults.read(given)
    if about is not None:
        server.faults_about = {**server.faults_about, tuple(about): ordered}
    elif account is None:
        server.faults, server.faults_of, server.faults_about = ordered, {}, {}
    elif account in server.store.organizations:
        server.faults_of = {**server.faults_of, account: ordered}
    else:
        raise ValueError(f"There is no account {account!r}.")


def _is_texts(given: Any) -> TypeGuard[list[str]]:
    return isinstance(given, list) and bool(given) and all(isinstance(text, str) for text in given)


def _set_account(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    account = server.store.organizations.get(str(given.pop("id", "")))
    unknown = sorted(set(given) - set(SETTINGS))
    if account is None or unknown:
        raise ValueError(f"An account's id is needed, and any of {', '.join(SETTINGS)}.")
    server.store.set(account, **given)
    return account.described()


def _save_template(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    known = server.store.templates.get(str(given.get("id", "")), {})
    account = server.store.organizations.get(str({**known, **given}.get("organization_id", "")))
    if account is None:
        raise ValueError("The id of a known template is needed, or the organization_id of a new one.")
    row = templates.complete({**known, **given}, vendor=account.vendor)
    server.store.save_template(row)
    return row


def _join(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    emails = given.get("emails")
    if not _is_texts(emails):
        raise ValueError("emails must be a list of addresses.")
    server.store.join(emails)
    return {"emails": emails}
