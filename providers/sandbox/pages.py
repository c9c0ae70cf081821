"""What a person sees of the sandbox: the badges as they arrive, each badge's own page, and drawn images.

On a badge's page the earner accepts or rejects, and the issuer does what the vendor's own screens are for.
"""

from __future__ import annotations

import hashlib
import json
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from providers.sandbox.faults import Faults
from providers.sandbox.messages import Answer
from providers.sandbox.store import Badge

if TYPE_CHECKING:
    from providers.sandbox.messages import Request
    from providers.sandbox.server import Server
    from providers.sandbox.store import Credential, Store

    Item = Badge | Credential

SHOWN = 100
HTML = "text/html; charset=utf-8"
BACK = '<p><a href="/">All badges</a></p>'
EARNER = {"accept": "accepted", "reject": "rejected"}

STYLE = Path(__file__).with_name("pages.css").read_text(encoding="utf-8")


def answer(server: Server, request: Request) -> Answer:
    store = server.store
    match [request.method, *request.path.strip("/").split("/")]:
        case ["GET", ""]:
            return _overview(server, template_id=request.query.get("template", ""))
        case ["GET", "badges" | "credentials", identity] if item := _item(store, identity):
            return _badge(store, item)
        case ["POST", "badges" | "credentials", identity, verb] if item := _item(store, identity):
            return _act(store, item, verb=verb)
        case ["GET", "images", name]:
            return _image(store, name.removesuffix(".svg"))
    return _page(404, "Not here", f"<h1>There is nothing at this address</h1>{BACK}")


def _item(store: Store, identity: str) -> Item | None:
    return store.badges.get(identity) or store.credentials.get(identity)


def _overview(server: Server, *, template_id: str) -> Answer:
    store = server.store
    counts = store.counts()
    newest = (item for item in store.newest() if template_id in {"", _template_id(item)})
    figures = {
        "badges": counts["badges"] + counts["credentials"],
        **counts["by_state"],
        "requests": sum(counts["requests"].values()),
        "refused": sum(number for key, number in counts["requests"].items() if " 4" in key),
    }
    items = "".join(f"<li><strong>{number:,}</strong> {name}</li>" for name, number in figures.items())
    accounts = [
        f"<tr><td>{escape(item.name)}<td>{item.vendor.capitalize()}<td><code>{escape(item.id)}</code>"
        f"<td>{sum(row['organization_id'] == item.id for row in store.templates.values())}"
        for item in store.organizations.values()
    ]
    badges = [_row(store, item) for item in islice(newest, SHOWN)]
    return _page(
        200,
        "Sandbox badge provider",
        f"""
<h1>Sandbox badge provider</h1>
<p class="dim">What this server has received, newest first. The page renews itself every three seconds.</p>
<ul class="figures">{items}</ul>
{_faults(server)}
<h2>Badges</h2>
{_table("<th><th>Badge<th>Earner<th>State<th>Received", badges)}
<h2>Accounts</h2>
{_table("<th>Organization<th>Provider<th>ID<th>Templates", accounts)}
<p class="dim">API base <code>{escape(server.url)}/v1</code> for both providers · everything as JSON:
<a href="/_sandbox/received">/_sandbox/received</a></p>""",
        head='<meta http-equiv="refresh" content="3">',
    )


def _badge(store: Store, item: Item) -> Answer:
    name = escape(_template_name(store, item))
    organization = store.organizations.get(item.organization_id)
    issuer = escape(organization.name) if organization else "an organization that has left"
    reason = item.revocation_reason if isinstance(item, Badge) else None
    note = f"<p>Reason: {escape(reason)}</p>" if reason else ""
    buttons = "".join(
        f'<form method="post" action="{_address(item)}/{verb}">'
        f'<button class="{"main" if verb == "accept" else ""}">{label}</button></form>'
        for verb, label in _verbs(item).items()
    )
    return _page(
        200,
        name,
        f"""
{BACK}
<div class="badge"><img src="/images/{escape(_template_id(item))}.svg" alt="">
<div><h1>{name}</h1>
<p>for <strong>{escape(_earner(item))}</strong>, issued by {issuer} on {escape(item.issued_on[:10])}</p>
<p class="state {item.state}">{item.state}</p>{note}{buttons}</div></div>""",
    )


def _verbs(item: Item) -> dict[str, str]:
    """What can be done with it now: by the earner first, then by the issuer in the vendor's own screens."""
    if not isinstance(item, Badge):
        publication = {"unpublish": "Unpublish"} if item.approve else {"publish": "Publish"}
        return {**publication, "delete": "Delete, as the issuer"}
    decision = {"accept": "Accept", "reject": "Reject"} if item.state == "pending" else {}
    ending = {"revoke": "Revoke, as the issuer"} if item.is_live else {}
    return {**decision, **ending, "delete": "Delete, as the issuer"}


def _act(store: Store, item: Item, *, verb: str) -> Answer:
    """What is not possible now leaves the badge as it is."""
    gone = verb == "delete"
    if verb not in _verbs(item):
        pass
    elif not isinstance(item, Badge):
        if gone:
            store.delete_credential(item.id)
        else:
            store.change_credential(item.id, approve=verb == "publish")
    elif gone:
        store.delete(item)
    elif verb == "revoke":
        store.move(item, "revoked", unless=frozenset({"revoked"}), reason="Revoked on its page.")
    else:
        store.move(item, EARNER[verb], unless=frozenset({"accepted", "rejected", "revoked"}))
    return Answer(303, b"", HTML, {"Location": "/" if gone else _address(item)})


def _image(store: Store, template_id: str) -> Answer:
    """A drawing made from the template's id: the same badge always looks the same."""
    seed = hashlib.sha256(template_id.encode()).digest()
    name = str(store.templates.get(template_id, {}).get("name") or "Badge")
    initials = escape("".join(word[0] for word in name.split()[:3]).upper())
    hue, first_turn, number = seed[0] * 360 // 256, seed[1] % 45, 2 + seed[2] % 4
    squares = "".join(
        f'<rect x="26" y="26" width="148" height="148" rx="34" transform="rotate({turn:.1f} 100 100)"/>'
        for turn in (first_turn + position * 90 / number for position in range(number))
    )
    drawing = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img"
 aria-label="{escape(name)}"><g fill="hsl({hue} 62% 38%)">{squares}</g>
<circle cx="100" cy="100" r="66" fill="hsl({hue} 70% 96%)"/>
<circle cx="100" cy="100" r="58" fill="none" stroke="hsl({hue} 62% 38%)" stroke-width="3"/>
<text x="100" y="103" text-anchor="middle" dominant-baseline="middle" font-size="44" font-weight="700"
 font-family="system-ui, sans-serif" fill="hsl({hue} 62% 28%)">{initials}</text></svg>"""
    return Answer(200, drawing.encode(), "image/svg+xml", {"Cache-Control": "max-age=3600"})


def _page(status: int, title: str, content: str, *, head: str = "") -> Answer:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}'
        f"<style>{STYLE}</style><main>{content}</main></html>"
    )
    return Answer(status, text.encode(), HTML)


def _table(head: str, rows: list[str]) -> str:
    if not any(rows):
        return '<p class="dim">None yet.</p>'
    return f'<div class="scroll"><table><thead><tr>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def _row(store: Store, item: Item) -> str:
    return (
        f'<tr><td><img src="/images/{escape(_template_id(item))}.svg" alt="">'
        f'<td><a href="{_address(item)}">{escape(_template_name(store, item))}</a>'
        f'<td>{escape(_earner(item))}<br><span class="dim">{escape(item.recipient_email)}</span>'
        f'<td class="state {item.state}">{item.state}'
        f'<td class="when">{escape(item.created_at[:16].replace("T", " "))}'
    )


def _address(item: Item) -> str:
    return f"/{'badges' if isinstance(item, Badge) else 'credentials'}/{item.id}"


def _template_id(item: Item) -> str:
    return item.badge_template_id if isinstance(item, Badge) else item.group_id


def _earner(item: Item) -> str:
    return item.issued_to if isinstance(item, Badge) else item.recipient_name


def _faults(server: Server) -> str:
    """Those that are not as when nothing is ordered, by whom they hit."""
    usual = Faults().described()
    about = {" + ".join(texts): active for texts, active in server.faults_about.items()}
    ordered = {"": server.faults, **server.faults_of, **about}
    shown = {
        account or "all accounts": {
            name: value for name, value in active.described().items() if value != usual[name]
        }
        for account, active in ordered.items()
    }
    active = {account: values for account, values in shown.items() if values}
    return (
        f'<p class="notice">Faults ordered: <code>{escape(json.dumps(active))}</code></p>' if active else ""
    )


def _template_name(store: Store, item: Item) -> str:
    identity = _template_id(item)
    return str(store.templates.get(identity, {}).get("name") or identity)
