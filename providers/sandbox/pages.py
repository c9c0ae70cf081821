"""What a person sees of the sandbox: the badges as they arrive, each badge's own page, and drawn images."""

from __future__ import annotations

import hashlib
import json
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from providers.sandbox.credly import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from providers.sandbox.credly import Request
    from providers.sandbox.server import Server
    from providers.sandbox.store import Badge, Store

SHOWN = 100
HTML = "text/html; charset=utf-8"
BACK = '<p><a href="/">All badges</a></p>'
VERBS = {"accept": "accepted", "reject": "rejected"}

STYLE = Path(__file__).with_name("pages.css").read_text(encoding="utf-8")


def answer(server: Server, request: Request) -> Answer:
    match [request.method, *request.path.strip("/").split("/")]:
        case ["GET", ""]:
            return _overview(server, template_id=request.query.get("template", ""))
        case ["GET", "badges", identity] if identity in server.store.badges:
            return _badge(server.store, server.store.badges[identity])
        case ["POST", "badges", identity, "accept" | "reject" as verb] if identity in server.store.badges:
            return _decide(server.store, server.store.badges[identity], verb=verb)
        case ["GET", "images", name]:
            return _image(server.store, name.removesuffix(".svg"))
    return _page(404, "Not here", f"<h1>There is nothing at this address</h1>{BACK}")


def _overview(server: Server, *, template_id: str) -> Answer:
    store = server.store
    counts = store.counts()
    newest = (badge for badge in store.newest() if template_id in {"", badge.badge_template_id})
    figures = {
        "badges": counts["badges"],
        **counts["by_state"],
        "requests": sum(counts["requests"].values()),
        "refused": sum(number for key, number in counts["requests"].items() if " 4" in key),
    }
    items = "".join(f"<li><strong>{number:,}</strong> {name}</li>" for name, number in figures.items())
    accounts = [
        f"<tr><td>{escape(item.name)}<td><code>{escape(item.id)}</code>"
        f"<td>{sum(row['organization_id'] == item.id for row in store.templates.values())}"
        for item in store.organizations.values()
    ]
    badges = [_row(store, badge) for badge in islice(newest, SHOWN)]
    return _page(
        200,
        "Sandbox badge provider",
        f"""
<h1>Sandbox badge provider</h1>
<p class="dim">What this server has received, newest first. The page renews itself every three seconds.</p>
<ul class="figures">{items}</ul>
{_faults(server.faults.described())}
<h2>Badges</h2>
{_table("<th><th>Badge<th>Earner<th>State<th>Issued at", badges)}
<h2>Accounts</h2>
{_table("<th>Organization<th>ID<th>Templates", accounts)}
<p class="dim">API base <code>{escape(server.url)}/v1</code> · everything as JSON:
<a href="/_sandbox/received">/_sandbox/received</a></p>""",
        head='<meta http-equiv="refresh" content="3">',
    )


def _badge(store: Store, badge: Badge) -> Answer:
    name = escape(_template_name(store, badge))
    organization = store.organizations.get(badge.organization_id)
    issuer = escape(organization.name) if organization else "an organization that has left"
    reason = f"<p>Reason: {escape(badge.revocation_reason)}</p>" if badge.revocation_reason else ""
    buttons = "".join(
        f'<form method="post" action="/badges/{badge.id}/{verb}">'
        f'<button class="{look}">{label}</button></form>'
        for verb, label, look in (("accept", "Accept", "main"), ("reject", "Reject", ""))
        if badge.state == "pending"
    )
    return _page(
        200,
        name,
        f"""
{BACK}
<div class="badge"><img src="/images/{escape(badge.badge_template_id)}.svg" alt="">
<div><h1>{name}</h1>
<p>for <strong>{escape(badge.issued_to)}</strong>, issued by {issuer} on {escape(badge.issued_at[:10])}</p>
<p class="state {badge.state}">{badge.state}</p>{reason}{buttons}</div></div>""",
    )


def _decide(store: Store, badge: Badge, *, verb: str) -> Answer:
    """What the earner does with a badge that waits for them; one that does not is left as it is."""
    store.move(badge, VERBS[verb], unless=frozenset({"accepted", "rejected", "revoked"}))
    return Answer(303, b"", HTML, {"Location": f"/badges/{badge.id}"})


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


def _row(store: Store, item: Badge) -> str:
    return (
        f'<tr><td><img src="/images/{escape(item.badge_template_id)}.svg" alt="">'
        f'<td><a href="/badges/{item.id}">{escape(_template_name(store, item))}</a>'
        f'<td>{escape(item.issued_to)}<br><span class="dim">{escape(item.recipient_email)}</span>'
        f'<td class="state {item.state}">{item.state}'
        f'<td class="when">{escape(item.issued_at[:16].replace("T", " "))}'
    )


def _faults(described: Mapping[str, object]) -> str:
    usual = {"drip_seconds", "status", "retry_after", "methods", "times"}
    active = {name: value for name, value in described.items() if value and name not in usual}
    if not active:
        return ""
    return f'<p class="notice">Faults ordered: <code>{escape(json.dumps(active))}</code></p>'


def _template_name(store: Store, item: Badge) -> str:
    return str(store.templates.get(item.badge_template_id, {}).get("name") or item.badge_template_id)
