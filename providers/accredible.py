"""Accredible's Credential API in our words: version 1, and version 2 where only that can search.

    badge      a credential; `credential.id` is our reference, which Accredible keeps as `license_id`
    template   a group
    account    a key, of an organization or of one of its departments

There is no idempotency key, and that Accredible holds two credentials with one reference to be a mistake is
not documented: only the refusal of a second credential for one address in one group is, and a group may allow
that too. So what was sent is looked for before it is sent again: by reference, which is exact, and in the
search index, which may lag behind.

There is no state, no revocation and no acceptance either. A credential is published (`approve`) or not, and
has expired or not. Nothing tells what happens to it: changes are asked for.

Read leniently: ids come as text or as numbers, dates in three forms, errors in five shapes. What is inferred
rather than documented says so where it stands.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from django.utils.translation import gettext as _

from providers import http
from providers.base import (
    Ability,
    Checked,
    Misconfigured,
    NotPublished,
    NotSupported,
    OutcomeUnknown,
    ProviderBadge,
    Rejected,
    RevokeBy,
    Standing,
    Template,
)
from providers.reading import day, moment, part, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from providers.base import Account, Event, Evidence, IssueRequest

VERSIONS = ("/v1", "/v2")
PAGE_SIZE = 50
# Further than this a search goes with a cursor only.
SEARCH_REACH = 10_000
GONE = frozenset({404, 410})
# A page in HTML is nobody's sentence, and a long text is none either.
LONGEST_SENTENCE = 500


def _authorization(token: str) -> str:
    return f"Token token={token}"


def _sentence(body: Any) -> str:
    """The words of a refusal, in whichever of its shapes: plain text, or an object whose `errors`, `error`,
    `data` or `message` holds a text, a list of texts, or lists of texts by the name of a field."""
    if isinstance(body, str):
        is_sentence = len(body) <= LONGEST_SENTENCE and "<" not in body
        return body.strip() if is_sentence else ""
    if not isinstance(body, dict):
        return ""
    found = (_words(body.get(name)) for name in ("errors", "error", "data", "message"))
    return next((words for words in found if words), "")


def _words(value: Any, *, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if depth == 2:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item, depth=depth + 1) for item in value)))
    if not isinstance(value, dict):
        return ""
    told = {name: _words(item, depth=depth + 1) for name, item in value.items()}
    return "; ".join(f"{name} {words}" for name, words in told.items() if words)


DIALECT = http.Dialect(
    authorization=_authorization,
    sentence=_sentence,
    personal=frozenset(
        {
            "recipient",
            "recipient_name",
            "recipient_email",
            "recipient_meta_data",
            "custom_attributes",
            "references",
            "private_key",
        }
    ),
    # 403 is documented as a resource that the key may not use, such as a group of another department.
    refuses_account=frozenset({401}),
)


class Accredible:
    """SUPPRESS is not among the abilities: publishing tells the earner, and no parameter says otherwise.
    TELL_REASON and EVENTS have no counterpart."""

    abilities: ClassVar[frozenset[Ability]] = frozenset(
        {
            Ability.CORRECT_NAME,
            Ability.CORRECT_EMAIL,
            Ability.DELETE,
            Ability.EXPIRE,
            Ability.RENEW,
            Ability.CHANGES,
        }
    )
    # Documented as 2,000 in five minutes from one address, counted in periods of 30 seconds.
    calls_per_minute: ClassVar[int | None] = 400

    def __init__(self, account: Account) -> None:
        """The API URL may end with a version or without it, as people copy it."""
        base = account.api_url.rstrip("/")
        for version in VERSIONS:
            base = base.removesuffix(version)
        self._account = replace(account, api_url=base)

    # --- One badge ------------------------------------------------------------------------------------------

    def issue(self, request: IssueRequest) -> ProviderBadge:
        """Publish at once. A credential that came out unpublished is stored all the same: NotPublished."""
        if request.suppress_notification:
            raise NotSupported(_("Accredible cannot issue without telling the earner."))
        reply = self._request("POST", "/v1/credentials", json={"credential": _credential(request)})
        return self._published(reply, reference=request.reference)

    def find(self, request: IssueRequest) -> list[ProviderBadge]:
        """By reference, then by reference, address and earner in the search index.

        What the index names is read again from its own address, because the index may tell an older state.
        """
        found: dict[str, dict[str, Any]] = {}
        named = self._read(request.reference) if request.reference else None
        if named:
            found[text(named, "id")] = {"license_id": request.reference, **named}
        for key, value in (
            ("license_id", "" if named else request.reference),
            ("recipient_email", request.email.lower()),
            ("recipient_id", request.earner_id),
        ):
            if not value:
                continue
            for hit in self._search({"group.id": request.template_id, key: value}):
                external_id = text(hit, "id")
                if external_id not in found and (row := self._read(external_id)):
                    found[external_id] = {**hit, **row}
        badges = [self._badge(row) for row in found.values()]
        return [badge for badge in badges if badge.template_id in {"", request.template_id}]

    def publish(self, external_id: str) -> ProviderBadge:
        return self._published(self._change(external_id, approve=True))

    def revoke(self, external_id: str, *, reason: str) -> ProviderBadge:
        """In the account's own way (RevokeBy). `reason` reaches nobody there: it stays with us."""
        if self._account.revoke_by == RevokeBy.DELETE:
            row = part(self._request("DELETE", _path_of(external_id)).body, "credential")
            return self._revoked({"id": external_id, **row}, state="deleted")
        if self._account.revoke_by == RevokeBy.UNPUBLISH:
            return self._revoked(_one(self._change(external_id, approve=False)), state="unpublished")
        return self._revoked(self._expire(external_id), state="expired")

    def correct(self, external_id: str, request: IssueRequest) -> ProviderBadge:
        """In place: the credential keeps its id. Without an expiry in `request` it keeps its expiry, too."""
        changes: dict[str, Any] = {"recipient": _recipient(request)}
        if request.expires_at:
            changes["expired_on"] = _expiry(request.expires_at, request=request)
        return self._badge(_one(self._change(external_id, **changes)))

    def renew(self, external_id: str, request: IssueRequest) -> ProviderBadge:
        """In place, since a group takes one credential for an address; so it takes an expiry to renew."""
        if not request.expires_at:
            raise NotSupported(_("Accredible renews a credential by a new expiry, and this badge has none."))
        changes = {
            "recipient": _recipient(request),
            "issued_on": request.issued_at.date().isoformat(),
            "expired_on": _expiry(request.expires_at, request=request),
        }
        return self._badge(_one(self._change(external_id, **changes)))

    def delete(self, external_id: str) -> None:
        try:
            self._request("DELETE", _path_of(external_id))
        except Rejected as refusal:
            if refusal.status not in GONE:
                raise
            # An address at which there is no API at all says the same.
            self.check()

    # --- Groups, credentials --------------------------------------------------------------------------------

    def templates(self) -> Iterator[Template]:
        """Every group; they have no states. All images are looked up together, at the first group that has
        a design, in one call for every 50 designs."""
        images: dict[str, str] | None = None
        for group in self._pages("/v1/issuer/groups/search", name="groups"):
            if images is None and _design_of(group):
                images = self._images()
            yield self._template(group, image_url=(images or {}).get(_design_of(group), ""))

    def template(self, external_id: str) -> Template | None:
        """One group and, in a second call, its image."""
        try:
            reply = self._request("GET", f"/v1/issuer/groups/{quote(external_id, safe='')}")
        except Rejected as refusal:
            if refusal.status not in GONE:
                raise
            self.check()
            return None
        group = _checked(reply.body.get("group"))
        return self._template(group, image_url=self._image(_design_of(group)))

    def badges(self, *, changed_since: datetime | None = None) -> Iterator[ProviderBadge]:
        """As the search index tells them: without their public address, and perhaps late, so that an overlap
        of some minutes is wise. A day is the finest that can be asked for; the rest is sorted out here."""
        query: dict[str, Any] = {}
        if changed_since is not None:
            # A day earlier, since the zone of these dates is not documented.
            query["updated_at[gte]"] = (changed_since.astimezone(UTC) - timedelta(days=1)).date().isoformat()
        for row in self._search(query):
            updated_at = moment(row, "updated_at")
            if changed_since is None or updated_at is None or updated_at >= changed_since:
                yield self._badge(row)

    def events(self, *, since: datetime | None = None) -> Iterator[Event]:
        raise NotSupported(_("Accredible tells no events: it lists what changed."))

    def event(self, external_id: str) -> Event:
        raise NotSupported(_("Accredible tells no events: it lists what changed."))

    def check(self) -> Checked:
        """The issuer that the key belongs to. Keys have no expiry that is told."""
        issuer = part(self._request("GET", "/v1/issuer/details").body, "issuer")
        told, given = text(issuer, "id"), self._account.organization_id
        if not told and not text(issuer, "name"):
            raise _unreadable()
        if told and given and told != given:
            raise Misconfigured(
                _("The key belongs to the organization %(told)s (%(name)s), not to %(given)s.")
                % {"told": told, "name": text(issuer, "name"), "given": given}
            )
        return Checked(name=text(issuer, "name"))

    # --- Requests -------------------------------------------------------------------------------------------

    def _request(
        self, method: str, path: str, *, json: dict[str, Any] | None = None, reads: bool = False
    ) -> http.Reply:
        return http.request(self._account, method, path, dialect=DIALECT, json=json, reads=reads)

    def _read(self, external_id: str) -> dict[str, Any] | None:
        """A credential by Accredible's id or by ours; None when there is none."""
        try:
            return _one(self._request("GET", _path_of(external_id)))
        except Rejected as refusal:
            if refusal.status in GONE:
                return None
            raise

    def _change(self, external_id: str, **changes: Any) -> http.Reply:
        return self._request("PUT", _path_of(external_id), json={"credential": changes})

    def _search(self, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every hit, each once, by number of rows or by cursor where the answer tells one.

        How an answer tells its cursor is not documented; it is read where other clients find it. Without one,
        more hits than `from` reaches are an error rather than a list that silently ends.
        """
        page: dict[str, Any] = {"from": 0, "size": PAGE_SIZE}
        seen: set[str] = set()
        while True:
            json = {"query": query, "sort": {"id": "asc"}, "page": page}
            body = self._request("POST", "/v2/credentials/search", json=json, reads=True).body
            rows, meta = _rows(body, name="credentials"), part(body, "meta")
            if not rows:
                return
            fresh = _fresh(rows, seen=seen)
            if not fresh:
                raise _leads_back()
            yield from fresh
            cursor = text(meta, "next_cursor") or text(body, "next_cursor")
            if cursor:
                page = {"cursor": cursor, "size": PAGE_SIZE}
                continue
            reached = page.get("from", 0) + PAGE_SIZE
            if "cursor" in page or len(rows) < PAGE_SIZE or text(meta, "count") == str(reached):
                return
            if reached >= SEARCH_REACH:
                raise OutcomeUnknown(_("Accredible's search has more results than it gives."))
            page = {"from": reached, "size": PAGE_SIZE}

    def _pages(self, path: str, *, name: str) -> Iterator[dict[str, Any]]:
        """Every row of a list that is searched by POST and paged by number."""
        number: int | None = 1
        seen: set[str] = set()
        while number:
            json = {"page": number, "page_size": PAGE_SIZE}
            body = self._request("POST", path, json=json, reads=True).body
            rows = _rows(body, name=name)
            fresh = _fresh(rows, seen=seen)
            yield from fresh
            is_full = bool(fresh) and len(rows) == PAGE_SIZE
            number = _next_page(part(body, "meta"), after=number, is_full=is_full)

    def _images(self) -> dict[str, str]:
        """Images by design. A key that may not see designs leaves the groups without images."""
        try:
            designs = list(self._pages("/v1/designs/search", name="designs"))
        except Rejected:
            return {}
        return {text(design, "id"): text(design, "rasterized_content_url") for design in designs}

    def _image(self, design_id: str) -> str:
        if not design_id:
            return ""
        try:
            reply = self._request("GET", f"/v1/designs/{quote(design_id, safe='')}")
        except Rejected:
            return ""
        return text(part(reply.body, "design"), "rasterized_content_url")

    def _expire(self, external_id: str) -> dict[str, Any]:
        """From today on, and not before the day of issue, which may be ahead of ours.

        From what hour, and in which zone, Accredible counts a credential as expired is not documented.
        """
        credential = _one(self._request("GET", _path_of(external_id)))
        dates = [datetime.now(UTC).date()]
        if issued_on := day(credential, "issued_on"):
            dates.append(issued_on)
        return _one(self._change(external_id, expired_on=max(dates).isoformat()))

    # --- Reading --------------------------------------------------------------------------------------------

    def _published(self, reply: http.Reply, *, reference: str = "") -> ProviderBadge:
        row = _one(reply)
        if row.get("approve") is False:
            raise NotPublished(
                _("Accredible stored the credential without publishing it, as without credits left."),
                status=reply.status,
                reply={"status": reply.status, "body": self._redacted(row)},
            )
        return self._badge(row, reference=reference)

    def _revoked(self, row: dict[str, Any], *, state: str) -> ProviderBadge:
        return replace(self._badge(row), state=state, standing=Standing.REVOKED)

    def _badge(self, row: dict[str, Any], *, reference: str = "") -> ProviderBadge:
        """From either shape: nested as version 1 answers, or flat as the search does."""
        recipient, expired_on = part(row, "recipient"), day(row, "expired_on")
        state, standing = _state(row, expired_on=expired_on)
        return ProviderBadge(
            external_id=text(row, "id"),
            state=state,
            standing=standing,
            url=text(row, "url"),
            template_id=text(row, "group_id") or text(part(row, "group"), "id"),
            email=text(recipient, "email") or text(row, "recipient_email"),
            earner_id=text(recipient, "id") or text(row, "recipient_id"),
            reference=text(row, "license_id") or reference,
            created_at=moment(row, "created_at"),
            expires_at=datetime.combine(expired_on, time.min, UTC) if expired_on else None,
            raw=self._redacted(row),
        )

    def _template(self, group: dict[str, Any], *, image_url: str) -> Template:
        """`course_name` is what earners see; `name` is the issuer's own. Whether a group allows duplicates is
        not in the documented answers."""
        return Template(
            external_id=text(group, "id"),
            name=text(group, "course_name") or text(group, "name"),
            description=text(group, "course_description"),
            image_url=image_url,
            url=text(group, "course_link"),
            allows_duplicates=group.get("allow_duplicate_credentials") is True,
            raw=self._redacted(group),
        )

    def _redacted(self, row: dict[str, Any]) -> dict[str, Any]:
        kept = http.redact(row, account=self._account, dialect=DIALECT)
        return kept if isinstance(kept, dict) else {}


def _path_of(external_id: str) -> str:
    return f"/v1/credentials/{quote(external_id, safe='')}"


def _credential(request: IssueRequest) -> dict[str, Any]:
    """Dates are those of the organization's zone. Whether it is private is left to the group."""
    group = request.template_id
    given: dict[str, Any] = {
        "id": request.reference,
        "group_id": int(group) if group.isascii() and group.isdecimal() else group,
        "recipient": _recipient(request),
        "issued_on": request.issued_at.date().isoformat(),
        "approve": True,
    }
    if request.expires_at:
        given["expired_on"] = _expiry(request.expires_at, request=request)
    items = [_evidence(item) for item in request.evidence if item.url]
    return {**given, "evidence_items": items} if items else given


def _recipient(request: IssueRequest) -> dict[str, str]:
    return {
        "name": f"{request.first_name} {request.last_name}".strip(),
        "email": request.email,
        "id": request.earner_id,
    }


def _expiry(at: datetime, *, request: IssueRequest) -> str:
    return at.astimezone(request.issued_at.tzinfo).date().isoformat()


def _evidence(item: Evidence) -> dict[str, str]:
    """Evidence without an address has no documented category, and is left out."""
    return {"category": "url", "description": item.name or item.description or item.url, "url": item.url}


def _design_of(group: dict[str, Any]) -> str:
    names = ("badge_design_id", "primary_design_id", "certificate_design_id", "design_id")
    return next((text(group, name) for name in names if text(group, name)), "")


def _state(row: dict[str, Any], *, expired_on: date | None) -> tuple[str, Standing]:
    """The word is ours, made of `expired_on` and `approve`: Accredible has none. The day itself is past."""
    if expired_on and expired_on <= datetime.now(UTC).date():
        return "expired", Standing.EXPIRED
    if row.get("approve") is False:
        return "unpublished", Standing.WITHHELD
    return "published", Standing.HELD


def _one(reply: http.Reply) -> dict[str, Any]:
    return _checked(reply.body.get("credential"))


def _rows(body: dict[str, Any], *, name: str) -> list[dict[str, Any]]:
    rows = body.get(name)
    if not isinstance(rows, list):
        raise _unreadable()
    return [_checked(row) for row in rows]


def _fresh(rows: list[dict[str, Any]], *, seen: set[str]) -> list[dict[str, Any]]:
    """Those that no earlier page had."""
    fresh = [row for row in rows if text(row, "id") not in seen]
    seen.update(text(row, "id") for row in fresh)
    return fresh


def _next_page(meta: dict[str, Any], *, after: int, is_full: bool) -> int | None:
    """`next_page` is a number or null. Designs are documented without: the page that is not full is last."""
    if "next_page" not in meta:
        return after + 1 if is_full else None
    told = text(meta, "next_page")
    if told and not (told.isdecimal() and int(told) > after):
        raise _leads_back()
    return int(told) if told else None


def _leads_back() -> OutcomeUnknown:
    return OutcomeUnknown(_("The pages of Accredible's list lead back to an earlier one."))


def _checked(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict) or not text(row, "id"):
        raise _unreadable()
    return row


def _unreadable() -> OutcomeUnknown:
    return OutcomeUnknown(_("Accredible's answer is not in the documented form."))
