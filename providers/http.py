"""How we speak HTTP to a provider: one policy for every vendor.

    where      TLS and public addresses only, or a host:port of PROVIDER_ALLOWED_HOSTS (see connections.py);
               no redirects, cookies, proxies or .netrc; an account's token goes to that account's host alone
    how long   one deadline for the whole exchange, a dripping answer included
    outcome    what fails while connecting has not left this machine (Transient); whatever fails later may
               have been carried out (OutcomeUnknown); everything else follows from the status
    privacy    a token is in no error, log or reply; a learner's address is in no log and no kept reply

What differs between vendors is a Dialect. Whether and when to try again is decided by badges.sending: only
a lost reading is repeated here, once, while half of its time is left.
"""

from __future__ import annotations

import json as jsonlib
import logging
import math
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.client import HTTPException
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.utils.translation import gettext as _
from requests import Request, RequestException
from requests.adapters import HTTPAdapter
from requests.exceptions import Timeout
from urllib3.exceptions import HTTPError

from providers.base import Misconfigured, OutcomeUnknown, ProviderError, Rejected, Transient
from providers.connections import Pool, PoolTLS, clock, host_port, is_allowed
from providers.reading import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import PreparedRequest

    from providers.base import Account

logger = logging.getLogger(__name__)
# Its debug lines and some of its warnings name whole addresses, and a search is addressed by e-mail.
logging.getLogger("urllib3").setLevel(logging.ERROR)

LEASE_SHARE = 0.3
# Kept alive between requests; more are opened when more are needed at once.
HOSTS, CONNECTIONS = 32, 64
BODY_BYTES = 8 * 1024 * 1024
KEPT_BYTES = 16 * 1024
KEPT_DEPTH = 20
RETRY_AFTER_SECONDS = 24 * 3600.0
HIDDEN = "…"
EMAIL = re.compile(r"[^\s@\"'<>(),;:=&?/|%]+(?:@|%40)[^\s@\"'<>(),;:=&?/|]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What one vendor does differently inside the policy.

    `authorization` makes the header from the token, `sentence` finds the provider's own words in the body of
    a refusal, and `personal` names the fields that are left out of every reply that is kept.
    `refuses_account` are the statuses that say that no request of this account would do better.
    """

    authorization: Callable[[str], str]
    sentence: Callable[[Any], str]
    personal: frozenset[str]
    refuses_account: frozenset[int] = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Reply:
    """A 2xx answer, read whole. `body` is as the provider sent it: only what `redact` leaves may be kept.

    It is empty when the provider says that there is none (204).
    """

    status: int
    body: dict[str, Any] = field(repr=False)


def request(
    account: Account,
    method: str,
    path_or_url: str,
    *,
    dialect: Dialect,
    json: Mapping[str, Any] | None = None,
    params: Mapping[str, str] | None = None,
    reads: bool = False,
    deadline: float | None = None,
) -> Reply:
    """One exchange with the account's provider, over after `deadline` seconds whatever the other side does.

    The default is under a third of a delivery's lease. `path_or_url` is a path below the account's API URL
    or an address on its host, as in a link to the next page; `params` replace those that a link carries.
    `reads`: changes nothing although it is no GET, as a search by POST. Raises the four errors of
    providers.base and nothing else.
    """
    url = _address(account, path_or_url, params=params)
    if not account.token:
        raise Misconfigured(_("The account has no authentication token."))
    seconds = settings.ISSUE_LEASE_SECONDS * LEASE_SHARE if deadline is None else deadline
    body = None if json is None else jsonlib.dumps(json).encode()
    started = monotonic()
    clock.start(seconds)
    answer = _exchange(account, method, url, body, dialect=dialect)
    reads = reads or method == "GET"
    halfway = (started + clock.ends_at) / 2
    if reads and isinstance(answer, OutcomeUnknown) and monotonic() < halfway:
        answer = _exchange(account, method, url, body, dialect=dialect)
    _log(method, url, answer, seconds=monotonic() - started)
    result = answer if isinstance(answer, ProviderError) else _judge(answer, account, dialect=dialect)
    if isinstance(result, ProviderError):
        raise result
    return result


def download(url: str, *, most_bytes: int, deadline: float) -> bytes:
    """What lies at an address, as a provider's picture does: asked for in nobody's name, with no token.

    Within the same bounds as an exchange. Raises the four errors of providers.base and nothing else.
    """
    origin = _origin(url)
    if origin is None or (origin[0] != "https" and not is_allowed(origin[1])):
        raise Misconfigured(_("Nothing is fetched from there: it is no https address."))
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "tms-badging"}
    try:
        prepared = Request("GET", url, headers=headers).prepare()
    except (RequestException, ValueError):
        raise Misconfigured(_("No request can be made of this address.")) from None
    started = monotonic()
    clock.start(deadline)
    answer = _send(prepared, most_bytes=most_bytes)
    _log("GET", url, answer, seconds=monotonic() - started)
    if isinstance(answer, ProviderError):
        raise answer
    if not 200 <= answer.status < 300:
        details = {"host": answer.host, "status": answer.status}
        raise Rejected(_("%(host)s shows nothing there (%(status)s).") % details, status=answer.status)
    if answer.content is None:
        raise Rejected(_("What %(host)s has there is too large, or ended early.") % {"host": answer.host})
    return answer.content


def redact(value: Any, *, account: Account, dialect: Dialect) -> Any:
    """What may be kept of an answer, and can be: no personal fields, no e-mail addresses, no token, and
    nothing that no database takes."""
    header = dialect.authorization(account.token)
    secrets = [secret for secret in (header, header.rpartition(" ")[2], account.token) if secret]
    kept = _impersonal(value, personal=dialect.personal, depth=0)
    return kept if _is_clean(kept, secrets=secrets) else _cleaned(kept, secrets=secrets)


def is_same_origin(url: str, other: str) -> bool:
    """Whether both are plain web addresses on one host: an account's token may go to either."""
    return _origin(url) is not None and _origin(url) == _origin(other)


# --- The address --------------------------------------------------------------------------------------------


def _address(account: Account, path_or_url: str, *, params: Mapping[str, str] | None) -> str:
    base = account.api_url.rstrip("/")
    origin = _origin(base)
    if origin is None:
        raise Misconfigured(_("The account's API URL is not a web address."))
    scheme, host = origin
    if scheme != "https" and not is_allowed(host):
        raise Misconfigured(
            _("The API URL must begin with https: %(host)s is not one of PROVIDER_ALLOWED_HOSTS.")
            % {"host": host}
        )
    url = path_or_url if path_or_url.startswith(("http://", "https://")) else base + path_or_url
    if _origin(url) != origin:
        raise OutcomeUnknown(_("The answer of %(host)s leads to another host.") % {"host": host})
    if not params:
        return url
    parts = urlsplit(url)
    query = urlencode({**dict(parse_qsl(parts.query)), **params}, quote_via=quote)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


@lru_cache(maxsize=256)
def _origin(url: str) -> tuple[str, str] | None:
    """Scheme and host:port, or None for what is not a plain web address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, host_port(parts.hostname, port or (443 if parts.scheme == "https" else 80))


# --- The exchange -------------------------------------------------------------------------------------------


class _Transport(HTTPAdapter):
    """The layer below requests.Session: connections kept alive for all threads, and nothing that carries over
    from one account to the next."""

    def __init__(self) -> None:
        super().__init__(pool_connections=HOSTS, pool_maxsize=CONNECTIONS)
        # A forked worker must not write into its parent's connections.
        os.register_at_fork(after_in_child=lambda: self.init_poolmanager(HOSTS, CONNECTIONS))

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": PoolTLS}


_transport = _Transport()


@dataclass(frozen=True, slots=True)
class _Answer:
    """A status that arrived. `content` is None when the rest did not, or was too long."""

    host: str
    status: int
    retry_after: str
    content: bytes | None = field(repr=False)


def _exchange(
    account: Account, method: str, url: str, body: bytes | None, *, dialect: Dialect
) -> _Answer | ProviderError:
    try:
        prepared = _prepare(account, method, url, body, dialect=dialect)
    except (RequestException, ValueError):
        return Misconfigured(_("No request can be made of the account's API URL and token."))
    return _send(prepared, most_bytes=BODY_BYTES)


def _send(prepared: PreparedRequest, *, most_bytes: int) -> _Answer | ProviderError:
    """Errors are returned, and without their history: the frames and requests in it hold the token."""
    host, method = urlsplit(prepared.url or "").hostname or "", prepared.method
    clock.calls += 1
    try:
        with _transport.send(prepared, stream=True, timeout=clock.left()) as response:
            retry_after = response.headers.get("Retry-After", "")
            content = _content(response.raw, most_bytes=most_bytes)
            return _Answer(host, response.status_code, retry_after, content)
    except ProviderError as error:
        error.__context__ = None
        return error.with_traceback(None)
    except (Timeout, TimeoutError):
        return OutcomeUnknown(_("%(host)s did not answer in time.") % {"host": host})
    except Exception as error:  # noqa: BLE001 - nothing but the four errors may reach the caller
        level = logging.INFO if isinstance(error, RequestException) else logging.ERROR
        logger.log(level, "%s %s: %s", method, host, type(error).__name__)
        return OutcomeUnknown(_("The connection to %(host)s was lost before it answered.") % {"host": host})


def _prepare(
    account: Account, method: str, url: str, body: bytes | None, *, dialect: Dialect
) -> PreparedRequest:
    headers = {
        "Authorization": dialect.authorization(account.token),
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": "tms-badging",
    }
    if body is not None:
        headers["Content-Type"] = "application/json"
    return Request(method, url, headers=headers, data=body).prepare()


def _content(raw: Any, *, most_bytes: int) -> bytes | None:
    try:
        content: bytes = raw.read(most_bytes + 1, decode_content=True)
    except (OSError, HTTPError, HTTPException):
        return None
    return content if len(content) <= most_bytes else None


def _log(method: str, url: str, answer: _Answer | ProviderError, *, seconds: float) -> None:
    outcome: int | str = answer.status if isinstance(answer, _Answer) else answer.code
    level = logging.DEBUG if isinstance(outcome, int) and outcome < 300 else logging.INFO
    if logger.isEnabledFor(level):
        parts = urlsplit(url)
        line = "%s %s%s: %s after %.2f s"
        logger.log(level, line, method, parts.netloc, parts.path, outcome, seconds)


# --- The meaning of an answer -------------------------------------------------------------------------------


def _judge(answer: _Answer, account: Account, *, dialect: Dialect) -> Reply | ProviderError:
    body = _parse(answer.content)
    if answer.status == 204 and answer.content == b"":
        return Reply(answer.status, {})
    if 200 <= answer.status < 300 and isinstance(body, dict):
        return Reply(answer.status, body)
    is_short = answer.content is not None and len(answer.content) <= KEPT_BYTES
    kept = redact(body, account=account, dialect=dialect) if is_short else None
    details: dict[str, Any] = {
        "status": answer.status,
        "reply": {"status": answer.status, "body": kept},
        "provider_message": dialect.sentence(kept),
    }
    error, message = _meaning(answer.status, dialect=dialect)
    if error is Transient:
        details["retry_after"] = _seconds(answer.retry_after)
    return error(message % {"host": answer.host, "status": answer.status}, **details)


def _meaning(status: int, *, dialect: Dialect) -> tuple[type[ProviderError], str]:
    if status == 429:
        return Transient, _("%(host)s asks us to wait before the next request.")
    if status in dialect.refuses_account:
        return Misconfigured, _("%(host)s refuses the account (%(status)s).")
    # 408 is the one refusal that leaves open whether the request had arrived.
    if 400 <= status < 500 and status != 408:
        return Rejected, _("%(host)s refuses the request (%(status)s).")
    if 200 <= status < 300:
        return OutcomeUnknown, _("The answer of %(host)s (%(status)s) cannot be read.")
    return OutcomeUnknown, _("%(host)s did not answer properly (%(status)s).")


def _parse(content: bytes | None) -> Any:
    """The JSON, else the text, else None."""
    if not content:
        return None
    try:
        return jsonlib.loads(content)
    except (ValueError, RecursionError):
        return content.decode(errors="replace")


def _seconds(retry_after: str) -> float | None:
    """Retry-After comes as a number of seconds or as a date."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            moment = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return None if math.isnan(seconds) else min(max(seconds, 0.0), RETRY_AFTER_SECONDS)


def _impersonal(value: Any, *, personal: frozenset[str], depth: int) -> Any:
    """Without the fields of these names, and without what lies deeper than anybody would look."""
    if not isinstance(value, dict | list):
        return value
    if depth > KEPT_DEPTH:
        return HIDDEN
    if isinstance(value, list):
        return [_impersonal(item, personal=personal, depth=depth + 1) for item in value]
    return {
        name: _impersonal(item, personal=personal, depth=depth + 1)
        for name, item in value.items()
        if name not in personal
    }


def _is_clean(value: Any, *, secrets: list[str]) -> bool:
    """Whether no text in it has to be looked at by itself. Nearly all answers are, and one search through the
    whole costs a tenth of many small ones."""
    try:
        written = jsonlib.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()
    except ValueError:  # numbers that are none, halves of characters
        return False
    suspect = (
        "@",
        "%40",
        "\\u0000",
        *(jsonlib.dumps(secret, ensure_ascii=False)[1:-1] for secret in secrets),
    )
    return not any(part in written for part in suspect)


def _cleaned(value: Any, *, secrets: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            _cleaned(name, secrets=secrets): _cleaned(item, secrets=secrets) for name, item in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(item, secrets=secrets) for item in value]
    value = storable(value)
    if not isinstance(value, str):
        return value
    for secret in secrets:
        value = value.replace(secret, HIDDEN)
    return EMAIL.sub(HIDDEN, value) if "@" in value or "%40" in value else value
