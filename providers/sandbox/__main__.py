"""The command line of the sandbox."""

from __future__ import annotations

import argparse
import errno
import json
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from providers.sandbox import faults, templates
from providers.sandbox.server import Server
from providers.sandbox.store import Organization, Store

if TYPE_CHECKING:
    from types import FrameType

    from providers.sandbox.store import Vendor

DEFAULT_ORGANIZATION = "5a0dba0c-0000-4000-8000-000000000001"
DEFAULT_ISSUER = "1001"
# How long a token of Credly lives.
TOKEN_LIFE = timedelta(days=180)


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    try:
        organizations, rows = _accounts(options)
        ordered = faults.read({**json.loads(options.faults), **_shorthands(options)})
        store = Store(options.data, organizations=organizations, templates=rows)
        server = Server(
            options.host, options.port, store=store, faults=ordered, public_url=options.public_url
        )
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        return _refuse_start(error, options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    print(
        f"Sandbox badge provider ready at {server.url}/ "
        f"(accounts {len(organizations)}, templates {len(rows)}, "
        f"badges {len(store.badges) + len(store.credentials)})",
        flush=True,
    )
    with server:
        try:
            server.serve_forever(poll_interval=0.1)
        except SystemExit:
            store.close()
    return 0


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m providers.sandbox",
        description="A local badge provider that speaks the HTTP of Credly and of Accredible. The API URL of "
        "an account is this server's address, with or without /v1. Faults can also be ordered while it runs: "
        "POST a JSON object to /_sandbox/faults.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8100, help="0 takes a free one, and the ready line names it")
    add(
        "--data", type=Path, required=True, help="file that keeps what was received, one JSON object per line"
    )
    add(
        "--templates",
        type=Path,
        help="JSON list of templates and groups (see providers/sandbox/templates.py)",
    )
    add("--token", default="sandbox-token", help="token of every account without one of its own")
    add(
        "--organization",
        help=f"id of the Credly organization of the samples (default {DEFAULT_ORGANIZATION}, "
        f"and {DEFAULT_ISSUER} at Accredible)",
    )
    add("--name", default="Sandbox organization", help="its name")
    vendor = "Credly, or at Accredible if the templates say so,"
    for option, at in (("--accounts", vendor), ("--accredible", "Accredible")):
        add(
            option,
            action="append",
            default=[],
            metavar="ID=TOKEN",
            help=f"a further account at {at} and its token; repeatable",
        )
    add("--public-url", default="", help="how browsers reach this server, when not at its own address")
    add("--latency-ms", help="wait so long before every answer")
    add("--fail-after", metavar="N%", help="share of the requests that are carried out but never answered")
    add("--faults", default="{}", metavar="JSON", help="faults from the start, as for /_sandbox/faults")
    return parser


def _accounts(options: argparse.Namespace) -> tuple[list[Organization], list[dict[str, Any]]]:
    """The accounts and templates that options and files name; the samples' when they name none."""
    rows = templates.read(options.templates) if options.templates else []
    named = {str(row["organization_id"]): row for row in rows if row.get("organization_id")}
    vendors = {identity: _vendor(row) for identity, row in named.items()}
    tokens = dict.fromkeys(named, options.token)
    for identity, token in map(_pair, options.accounts):
        tokens[identity] = token
        vendors.setdefault(identity, "credly")
    for identity, token in map(_pair, options.accredible):
        tokens[identity], vendors[identity] = token, "accredible"
    for identity, vendor in _samples(options, are_needed=not tokens).items():
        tokens[identity], vendors[identity] = options.token, vendor
        if not options.templates:
            rows += [{"organization_id": identity, "name": name} for name in templates.SAMPLES]
    organizations = [
        Organization(
            id=identity,
            name=named.get(identity, {}).get("organization_name", options.name),
            token=token,
            vendor=vendors[identity],
            token_expires_at=(datetime.now(UTC) + TOKEN_LIFE).isoformat(timespec="milliseconds"),
        )
        for identity, token in tokens.items()
    ]
    completed = [
        templates.complete(row, vendor=vendors.get(str(row.get("organization_id")), "credly")) for row in rows
    ]
    return organizations, completed


def _vendor(row: dict[str, Any]) -> Vendor:
    return "accredible" if row.get("provider") == "accredible" else "credly"


def _samples(options: argparse.Namespace, *, are_needed: bool) -> dict[str, Vendor]:
    """An account that is asked for by name; one at either vendor when there is no other."""
    found: dict[str, Vendor] = {}
    if options.organization or are_needed:
        found[options.organization or DEFAULT_ORGANIZATION] = "credly"
    if are_needed:
        found[DEFAULT_ISSUER] = "accredible"
    return found


def _pair(text: str) -> tuple[str, str]:
    identity, separator, token = text.partition("=")
    if not separator or not identity or not token:
        raise ValueError(f"{text!r} must look like ID=TOKEN.")
    return identity, token


def _shorthands(options: argparse.Namespace) -> dict[str, Any]:
    given = {"latency_ms": options.latency_ms}
    if options.fail_after is not None:
        # "10" means ten percent here, as "10%" does.
        given["lost_response"] = f"{options.fail_after.strip().removesuffix('%')}%"
    return {name: value for name, value in given.items() if value is not None}


def _refuse_start(error: OSError, options: argparse.Namespace) -> int:
    if error.errno == errno.EADDRINUSE:
        print(f"Port {options.port} of {options.host} is taken: choose another with --port.", file=sys.stderr)
    else:
        print(f"The sandbox cannot start: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
