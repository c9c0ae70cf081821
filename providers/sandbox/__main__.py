"""The command line of the sandbox."""

from __future__ import annotations

import argparse
import errno
import json
import signal
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from providers.sandbox import faults
from providers.sandbox.server import Server
from providers.sandbox.store import Organization, Store

if TYPE_CHECKING:
    from types import FrameType

DEFAULT_ORGANIZATION = "5a0dba0c-0000-4000-8000-000000000001"
SAMPLES = ("First Lab", "Lab Explorer", "Course Champion", "Exam Ace", "Community Helper")


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    try:
        templates = _templates(options.templates, organization=_default_organization(options))
        organizations = _organizations(options, templates=templates)
        ordered = faults.read({**json.loads(options.faults), **_shorthands(options)})
        store = Store(options.data, organizations=organizations, templates=templates)
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
        f"(organizations {len(organizations)}, templates {len(templates)}, badges {len(store.badges)})",
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
        description="A local badge provider that speaks Credly's HTTP. Faults can also be ordered while it "
        "runs: POST a JSON object to /_sandbox/faults.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8100, help="0 takes a free one, and the ready line names it")
    add(
        "--data", type=Path, required=True, help="file that keeps what was received, one JSON object per line"
    )
    add("--templates", type=Path, help="JSON list of {organization_id, id, name, description, state}")
    add("--token", default="sandbox-token", help="token of every organization without one of its own")
    add("--organization", help=f"id of the organization of the samples (default {DEFAULT_ORGANIZATION})")
    add("--name", default="Sandbox organization", help="its name")
    add(
        "--accounts",
        action="append",
        default=[],
        metavar="ORGANIZATION=TOKEN",
        help="a further organization and its token; repeatable",
    )
    add("--public-url", default="", help="how browsers reach this server, when not at its own address")
    add("--latency-ms", help="wait so long before every answer")
    add("--fail-after", metavar="N%", help="share of the requests that are carried out but never answered")
    add("--faults", default="{}", metavar="JSON", help="faults from the start, as for /_sandbox/faults")
    return parser


def _default_organization(options: argparse.Namespace) -> str:
    """Served when it is asked for, and when nothing else is."""
    if options.organization or options.templates or options.accounts:
        return str(options.organization or "")
    return DEFAULT_ORGANIZATION


def _templates(path: Path | None, *, organization: str) -> list[dict[str, Any]]:
    if path is None:
        return [
            _template({"organization_id": organization, "name": name}) for name in SAMPLES if organization
        ]
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path} must hold a JSON list of objects.")
    return [_template(row) for row in rows]


def _template(row: dict[str, Any]) -> dict[str, Any]:
    missing = [name for name in ("organization_id", "name") if not row.get(name)]
    if missing:
        raise ValueError(f"A template lacks {' and '.join(missing)}: {row}")
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{row['organization_id']}/{row['name']}"))
    return {"id": identity, "description": "", "state": "active", **row}


def _organizations(options: argparse.Namespace, *, templates: list[dict[str, Any]]) -> list[Organization]:
    tokens = {row["organization_id"]: options.token for row in templates}
    default = _default_organization(options)
    if default:
        tokens[default] = options.token
    for pair in options.accounts:
        identity, separator, token = pair.partition("=")
        if not separator or not identity or not token:
            raise ValueError(f"--accounts {pair!r} must look like ORGANIZATION=TOKEN.")
        tokens[identity] = token
    names = {
        row["organization_id"]: row["organization_name"] for row in templates if "organization_name" in row
    }
    return [
        Organization(id=identity, name=names.get(identity, options.name), token=token)
        for identity, token in tokens.items()
    ]


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
