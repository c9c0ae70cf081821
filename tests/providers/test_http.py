from __future__ import annotations

import gzip
import json
import logging
import multiprocessing
import socket
import ssl
import threading
import time
import traceback
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import responses
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from providers import connections, http
from providers.base import (
    Account,
    Misconfigured,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Transient,
)
from providers.reading import storable
from tests.providers.conftest import CANARY, ORGANIZATION, TEMPLATE, SandboxProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = f"/organizations/{ORGANIZATION}"
API = "https://api.provider.example/v1"
DIALECT = http.Dialect(
    authorization="Token token={}".format,
    sentence=lambda body: str(body["error"]) if isinstance(body, dict) and "error" in body else "",
    personal=frozenset({"name_of_earner"}),
)


def http_basic(token: str) -> str:
    return "Basic " + b64encode(f"{token}:".encode()).decode()


BASIC = http.Dialect(authorization=http_basic, sentence=lambda body: "", personal=frozenset())
BADGE = {
    "badge_template_id": TEMPLATE,
    "recipient_email": "ada@example.org",
    "issued_to_first_name": "Ada",
    "issued_to_last_name": "Lovelace",
    "issued_at": "2026-03-02 09:41:00 +0000",
}


def send(account: Account, method: str = "GET", path: str = PATH, **options: Any) -> http.Reply:
    return http.request(account, method, path, dialect=BASIC, **options)


@pytest.fixture
def account() -> Account:
    """Of a provider that the `responses` library plays."""
    return Account(api_url=API, organization_id="1", token=CANARY)


@contextmanager
def listening() -> Iterator[tuple[socket.socket, int]]:
    """A server that does what the test makes of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server, server.getsockname()[1]


def read_request(connection: socket.socket) -> None:
    """Head and body, which arrive apart."""
    with connection.makefile("rb", buffering=0) as stream:
        length = 0
        while (line := stream.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        while length > 0:
            length -= len(stream.read(length) or b"x" * length)


def answering(server: socket.socket, *answers: bytes) -> threading.Thread:
    """One connection; for each request one answer, then the end."""

    def run() -> None:
        connection, _ = server.accept()
        with connection:
            for answer in answers:
                read_request(connection)
                connection.sendall(answer)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


# --- Outcome: nothing left this machine ---------------------------------------------------------------------


def test_a_refused_connection_is_transient(sandbox: SandboxProcess) -> None:
    sandbox.stop()

    with pytest.raises(Transient, match="Connection refused"):
        send(sandbox.account(), "POST", json={})


def test_a_name_without_an_address_is_transient() -> None:
    account = Account(api_url="https://nobody.invalid/v1", organization_id="1", token=CANARY)

    with pytest.raises(Transient, match="the name has no address"):
        send(account, "POST", json={})


def test_a_failed_tls_handshake_is_transient(sandbox: SandboxProcess) -> None:
    account = sandbox.account(api_url=f"https://{sandbox.host_port}/v1")

    with pytest.raises(Transient, match="no trusted TLS connection"):
        send(account, "POST", json={})


def test_a_handshake_that_never_ends_is_transient_and_keeps_the_deadline(settings: Any) -> None:
    with listening() as (_, port):
        settings.PROVIDER_ALLOWED_HOSTS = [f"127.0.0.1:{port}"]
        account = Account(api_url=f"https://127.0.0.1:{port}", organization_id="1", token=CANARY)
        started = time.monotonic()

        with pytest.raises(Transient, match="no connection in time"):
            send(account, "POST", json={}, deadline=0.5)

        assert time.monotonic() - started < 4


def test_a_certificate_that_nobody_trusts_is_transient(settings: Any, tmp_path: Path) -> None:
    with serving_tls(tmp_path, settings) as account, pytest.raises(Transient, match="no trusted TLS"):
        send(account, "POST", json={})


# --- Outcome: it may have been carried out ------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"lost_response": 1},
        {"cut": 1},
        {"garble": 1},
        {"hang": 1},
        {"drip": 1},
        {"latency_ms": 2000},
        {"status": 500},
        {"status": 502},
        {"status": 503, "retry_after": "5"},
        {"status": 504},
        {"status": 408},
        {"status": 302},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "path", "json"), [("GET", PATH, None), ("POST", f"{PATH}/badges", BADGE)], ids=["GET", "POST"]
)
def test_an_answer_that_does_not_arrive_whole_leaves_the_outcome_unknown(
    sandbox: SandboxProcess, fault: dict[str, Any], method: str, path: str, json: Any
) -> None:
    sandbox.order(**fault)
    started = time.monotonic()

    with pytest.raises(OutcomeUnknown):
        send(sandbox.account(), method, path, json=json, deadline=1)

    assert time.monotonic() - started < 4


def test_a_dripping_answer_is_cut_at_the_deadline_though_no_single_read_takes_long(
    sandbox: SandboxProcess,
) -> None:
    sandbox.order(drip=1, drip_seconds=0.02)
    started = time.monotonic()

    with pytest.raises(OutcomeUnknown):
        send(sandbox.account(), deadline=1)

    assert 0.9 < time.monotonic() - started < 4


def test_a_read_that_begins_late_has_only_what_is_left_of_the_deadline(settings: Any) -> None:
    with listening() as (server, port):
        settings.PROVIDER_ALLOWED_HOSTS = [f"127.0.0.1:{port}"]
        account = Account(api_url=f"http://127.0.0.1:{port}", organization_id="1", token=CANARY)

        def begin_late() -> None:
            connection, _ = server.accept()
            read_request(connection)
            time.sleep(1.2)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            over.wait(30)
            connection.close()

        over = threading.Event()
        thread = threading.Thread(target=begin_late, daemon=True)
        thread.start()
        started = time.monotonic()

        with pytest.raises(OutcomeUnknown):
            send(account, "POST", json={}, deadline=1.5)

        seconds = time.monotonic() - started
        over.set()
        thread.join()
    assert 1.4 < seconds < 2.5, "a whole deadline for each read would be 2.7 seconds"


def test_the_default_deadline_is_under_a_third_of_the_lease(sandbox: SandboxProcess, settings: Any) -> None:
    settings.ISSUE_LEASE_SECONDS = 3
    sandbox.order(hang=1)
    started = time.monotonic()

    with pytest.raises(OutcomeUnknown, match="did not answer in time"):
        send(sandbox.account(), "POST", json={})

    assert 0.8 < time.monotonic() - started < 4
    assert http.LEASE_SHARE < 1 / 3


def test_a_body_without_end_is_not_read_to_its_end(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(sandbox.account()).status == 200
    monkeypatch.setattr(http, "BODY_BYTES", 50)

    with pytest.raises(OutcomeUnknown, match="cannot be read"):
        send(sandbox.account())


@responses.activate
def test_a_compressed_answer_is_read_but_not_beyond_the_limit(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = gzip.compress(b'{"data": "' + b"a" * 100_000 + b'"}')
    responses.get(API + PATH, body=body, headers={"Content-Encoding": "gzip"})

    assert len(send(account).body["data"]) == 100_000

    monkeypatch.setattr(http, "BODY_BYTES", 50_000)
    with pytest.raises(OutcomeUnknown):
        send(account)


@responses.activate
@pytest.mark.parametrize("body", ["[]", '"text"', "null", "", "[" * 100_000])
def test_a_success_that_is_not_a_json_object_leaves_the_outcome_unknown(account: Account, body: str) -> None:
    responses.post(API + PATH, body=body, status=201)

    with pytest.raises(OutcomeUnknown):
        send(account, "POST", json={})


@responses.activate
def test_a_success_that_says_it_has_no_body_is_one(account: Account) -> None:
    responses.delete(API + PATH, status=204)
    responses.post(API + PATH, status=200)

    assert send(account, "DELETE") == http.Reply(204, {})
    with pytest.raises(OutcomeUnknown):
        send(account, "POST", json={})


@responses.activate
def test_a_redirect_is_not_followed(account: Account) -> None:
    responses.post(API + PATH, status=307, headers={"Location": f"{API}/elsewhere"})
    elsewhere = responses.post(f"{API}/elsewhere", json={})

    with pytest.raises(OutcomeUnknown) as caught:
        send(account, "POST", json={})

    assert caught.value.status == 307
    assert elsewhere.call_count == 0


@responses.activate
def test_an_unexpected_exception_becomes_an_unknown_outcome(account: Account) -> None:
    responses.post(API + PATH, body=RuntimeError("surprise"))

    with pytest.raises(OutcomeUnknown):
        send(account, "POST", json={})


# --- Outcome: what the status says --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, Misconfigured),
        (403, Misconfigured),
        (404, Rejected),
        (409, Rejected),
        (410, Rejected),
        (422, Rejected),
        (429, Transient),
    ],
)
def test_a_refusal_is_told_by_its_status(
    sandbox: SandboxProcess, status: int, error: type[ProviderError]
) -> None:
    sandbox.order(status=status)

    with pytest.raises(error) as caught:
        send(sandbox.account(), "POST", json={})

    assert caught.value.status == status
    assert caught.value.reply == {
        "status": status,
        "body": {"data": {"message": "This failure was ordered."}, "metadata": None},
    }


@responses.activate
def test_a_vendor_may_have_fewer_statuses_that_refuse_the_account(account: Account) -> None:
    dialect = replace(BASIC, refuses_account=frozenset({401}))
    responses.get(API + PATH, status=403)
    responses.post(API + PATH, status=401)

    with pytest.raises(Rejected):
        http.request(account, "GET", PATH, dialect=dialect)
    with pytest.raises(Misconfigured):
        http.request(account, "POST", PATH, dialect=dialect, json={})


@responses.activate
@pytest.mark.parametrize(("status", "error"), [(401, Misconfigured), (422, Rejected), (429, Transient)])
def test_a_refusal_that_is_not_json_counts_all_the_same(
    account: Account, status: int, error: type[ProviderError]
) -> None:
    responses.post(API + PATH, body="Access denied.", status=status)

    with pytest.raises(error) as caught:
        send(account, "POST", json={})

    assert caught.value.reply == {"status": status, "body": "Access denied."}


def test_a_refusal_whose_text_breaks_off_is_still_a_refusal(sandbox: SandboxProcess) -> None:
    sandbox.order(cut=1)

    with pytest.raises(Rejected):
        send(sandbox.account(), "GET", "/organizations/unknown")


@responses.activate
def test_a_long_refusal_is_not_kept(account: Account) -> None:
    responses.post(API + PATH, body="<html>" + "x" * 100_000, status=404)

    with pytest.raises(Rejected) as caught:
        send(account, "POST", json={})

    assert caught.value.reply == {"status": 404, "body": None}


@pytest.mark.parametrize(
    ("header", "expected"),
    [("7", 7.0), ("0", 0.0), ("-3", 0.0), ("99999999", 86400.0), ("soon", None), ("nan", None), ("", None)],
)
def test_retry_after_is_read_as_seconds(sandbox: SandboxProcess, header: str, expected: float | None) -> None:
    sandbox.order(status=429, retry_after=header)

    with pytest.raises(Transient) as caught:
        send(sandbox.account(), "POST", json={})

    assert caught.value.retry_after == expected


def test_retry_after_is_read_as_a_date(sandbox: SandboxProcess) -> None:
    for minutes, low, high in ((2, 110, 120), (-2, 0, 0)):
        moment = datetime.now(UTC) + timedelta(minutes=minutes)
        sandbox.order(status=429, retry_after=format_datetime(moment, usegmt=True))

        with pytest.raises(Transient) as caught:
            send(sandbox.account(), "POST", json={})

        assert caught.value.retry_after is not None
        assert low <= caught.value.retry_after <= high


# --- Over TLS -----------------------------------------------------------------------------------------------


@contextmanager
def serving_tls(folder: Path, settings: Any, *, drip_seconds: float = 0.0) -> Iterator[Account]:
    """A provider at https://localhost whose certificate, in `folder`, vouches for itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_certificate(folder))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    def run(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                    while secured.recv(65536):
                        for part in [answer] if not drip_seconds else [bytes([byte]) for byte in answer]:
                            secured.sendall(part)
                            time.sleep(drip_seconds)

    with listening() as (server, port):
        settings.PROVIDER_ALLOWED_HOSTS = [f"localhost:{port}"]
        threading.Thread(target=run, args=(server,), daemon=True).start()
        yield Account(api_url=f"https://localhost:{port}", organization_id="1", token=CANARY)


def own_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    return path


@pytest.fixture
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the certificate in the folder one of those that are trusted."""
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "certificate.pem"))
    return tmp_path


def test_a_trusted_provider_answers_over_tls_on_a_kept_connection(settings: Any, trusting: Path) -> None:
    with serving_tls(trusting, settings) as account:
        # The server takes one connection at a time: a second one would wait for the end of the first.
        assert [send(account, "POST", json={}, deadline=2).body for _ in range(3)] == [{}, {}, {}]


def test_a_dripping_answer_is_cut_at_the_deadline_over_tls_too(settings: Any, trusting: Path) -> None:
    with serving_tls(trusting, settings, drip_seconds=0.05) as account:
        started = time.monotonic()

        with pytest.raises(OutcomeUnknown, match="in time"):
            send(account, "POST", json={}, deadline=1)

        assert time.monotonic() - started < 4


def test_a_certificate_for_another_name_is_not_accepted(settings: Any, trusting: Path) -> None:
    with serving_tls(trusting, settings) as account:
        port = account.api_url.rpartition(":")[2]
        settings.PROVIDER_ALLOWED_HOSTS = [f"127.0.0.1:{port}"]
        elsewhere = Account(api_url=f"https://127.0.0.1:{port}", organization_id="1", token=CANARY)

        with pytest.raises(Transient, match="no trusted TLS"):
            send(elsewhere, "POST", json={})


# --- Repeating ----------------------------------------------------------------------------------------------


def test_a_lost_get_is_repeated_once(sandbox: SandboxProcess) -> None:
    sandbox.order(lost_response=1, times=1)

    assert send(sandbox.account()).status == 200
    assert sandbox.received()["counts"]["requests"] == {"GET 200": 2}


def test_a_lost_search_by_post_is_repeated_as_a_get_is(sandbox: SandboxProcess) -> None:
    sandbox.order(lost_response=1, times=1)

    with pytest.raises(Rejected):
        send(sandbox.account(), "POST", json={}, reads=True)

    assert sandbox.received()["counts"]["requests"] == {"POST 405": 2}


def test_a_get_is_not_repeated_without_end(sandbox: SandboxProcess) -> None:
    sandbox.order(lost_response=1)

    with pytest.raises(OutcomeUnknown):
        send(sandbox.account())

    assert sandbox.received()["counts"]["requests"] == {"GET 200": 2}


def test_a_get_that_took_most_of_its_time_is_not_repeated(sandbox: SandboxProcess) -> None:
    """What was left would end before a connection is made, and be told as if nothing had been sent."""
    sandbox.order(hang=1, hang_seconds=1.5)

    with pytest.raises(OutcomeUnknown):
        send(sandbox.account(), deadline=2.5)

    sandbox.order()
    assert sum(sandbox.received()["counts"]["requests"].values()) == 1


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_lost_post_or_put_is_never_repeated(sandbox: SandboxProcess, method: str) -> None:
    sandbox.order(lost_response=1, times=1)

    with pytest.raises(OutcomeUnknown):
        send(sandbox.account(), method, json={})

    assert sandbox.received()["counts"]["requests"] == {f"{method} 405": 1}


def test_a_post_on_a_connection_that_closes_under_it_is_not_repeated(settings: Any) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with listening() as (server, port):
        settings.PROVIDER_ALLOWED_HOSTS = [f"127.0.0.1:{port}"]
        account = Account(api_url=f"http://127.0.0.1:{port}", organization_id="1", token=CANARY)
        # The second request is read and then the connection closes, as when a server's patience ran out.
        answering(server, answer, b"")
        assert send(account, "POST", json={}).body == {}

        with pytest.raises(OutcomeUnknown):
            send(account, "POST", json={})

        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


# --- Connections --------------------------------------------------------------------------------------------


def test_head_and_body_are_sent_at_once(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []

    class Recorded(socket.socket):
        def sendall(self, data: Any, *flags: int) -> None:
            sent.append(bytes(data))
            super().sendall(data, *flags)

    monkeypatch.setattr(socket, "socket", Recorded)
    reply = send(sandbox.account(), "POST", PATH + "/badges", json=BADGE)

    assert reply.status == 201
    assert [data.endswith(b"}") and data.startswith(b"POST ") for data in sent] == [True]


def test_a_connection_is_kept_beyond_the_thread_that_opened_it(sandbox: SandboxProcess) -> None:
    before = sandbox.received()["connections"]
    for _ in range(3):
        with ThreadPoolExecutor(1) as pool:
            list(pool.map(lambda _: send(sandbox.account()), range(2)))

    # Ours, and the one that asks.
    assert sandbox.received()["connections"] - before == 2


def test_each_of_many_threads_gets_its_own_answer(sandbox: SandboxProcess) -> None:
    sandbox.order(latency_ms=5)
    before = sandbox.received()["connections"]

    def issue(number: int) -> bool:
        given = {**BADGE, "recipient_email": f"learner{number}@example.org"}
        row = send(sandbox.account(), "POST", f"{PATH}/badges", json=given).body["data"]
        return bool(row["recipient_email"] == given["recipient_email"])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(issue, range(160)))

    assert len(sandbox.badges()) == 160
    assert sandbox.received()["connections"] - before <= 8 + 2


def test_a_refusal_and_its_body_leave_the_connection_usable(sandbox: SandboxProcess) -> None:
    before = sandbox.received()["connections"]
    for _ in range(3):
        with pytest.raises(Rejected):
            send(sandbox.account(), "GET", "/organizations/unknown")

    assert sandbox.received()["connections"] - before == 2


def test_a_connection_that_the_provider_closed_meanwhile_is_replaced(sandbox: SandboxProcess) -> None:
    send(sandbox.account())
    sandbox.kill()
    sandbox.start()

    with pytest.raises(Rejected):
        send(sandbox.account(), "POST", json={})
    assert sandbox.received()["counts"]["requests"]["POST 405"] == 1


def test_a_connection_that_rested_too_long_is_replaced(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sandbox.received()["connections"]
    send(sandbox.account())
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.0)
    send(sandbox.account())

    assert sandbox.received()["connections"] - before == 3


def test_a_forked_worker_makes_its_own_connections(sandbox: SandboxProcess) -> None:
    before = sandbox.received()["connections"]
    send(sandbox.account())
    worker = multiprocessing.get_context("fork").Process(target=send, args=(sandbox.account(),))
    worker.start()
    worker.join(timeout=10)
    send(sandbox.account())

    assert worker.exitcode == 0
    assert sandbox.received()["connections"] - before == 3


def test_nothing_that_one_account_was_told_goes_along_with_the_next(account: Account) -> None:
    with responses.RequestsMock() as mocked:
        mocked.get(API + PATH, json={}, headers={"Set-Cookie": "who=first; Path=/"})
        mocked.get(API + PATH, json={})
        send(account)
        send(Account(api_url=API, organization_id="1", token="second"))

        assert "Cookie" not in mocked.calls[1].request.headers
        assert mocked.calls[1].request.headers["Authorization"] == http_basic("second")


def test_proxies_and_netrc_of_the_environment_are_not_used(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert send(sandbox.account()).status == 200


# --- Where a request may go ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"])
def test_a_local_address_is_refused_unless_it_is_allowed(
    sandbox: SandboxProcess, settings: Any, scheme: str, host: str
) -> None:
    settings.PROVIDER_ALLOWED_HOSTS = []
    before = sandbox.received()["connections"]

    with pytest.raises(Misconfigured, match="PROVIDER_ALLOWED_HOSTS"):
        send(sandbox.account(api_url=f"{scheme}://{host}:{sandbox.port}/v1"))

    assert sandbox.received()["connections"] - before == 1


def test_a_public_name_that_leads_to_a_local_address_is_refused(
    sandbox: SandboxProcess, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROVIDER_ALLOWED_HOSTS = []
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", sandbox.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)

    with pytest.raises(Misconfigured, match="not on the public internet"):
        send(sandbox.account(api_url=f"https://api.credly.com:{sandbox.port}/v1"))


def test_allowing_a_host_allows_one_port_of_it(sandbox: SandboxProcess, settings: Any) -> None:
    settings.PROVIDER_ALLOWED_HOSTS = [f"127.0.0.1:{sandbox.port + 1}", "127.0.0.1"]

    with pytest.raises(Misconfigured):
        send(sandbox.account())


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
    ],
)
def test_private_and_special_addresses_are_not_public(address: str, public: bool) -> None:
    assert connections.is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.credly.com",
        "ftp://api.credly.com",
        "https://",
        "https://user:pw@api.credly.com/v1",
        "https://a:b/",
        "http://api.credly.com/v1",
    ],
)
def test_an_api_url_that_is_not_a_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        send(Account(api_url=url, organization_id="1", token=CANARY))


def test_the_token_goes_to_the_hosts_own_links_only(sandbox: SandboxProcess) -> None:
    assert send(sandbox.account(), "GET", f"{sandbox.url}/api/v1{PATH}?page=1").status == 200
    for link in (
        f"http://localhost:{sandbox.port}/api/v1{PATH}",
        f"https://{sandbox.host_port}/api/v1{PATH}",
        "http://127.0.0.1/api/v1/",
        "https://evil.example/api/v1/",
    ):
        with pytest.raises(OutcomeUnknown, match="leads to another host"):
            send(sandbox.account(), "GET", link)


def test_an_account_without_a_token_is_not_tried(sandbox: SandboxProcess) -> None:
    with pytest.raises(Misconfigured, match="no authentication token"):
        send(sandbox.account(token=""))

    assert sandbox.received()["counts"]["requests"] == {}


def test_parameters_are_percent_encoded_and_replace_those_of_a_link(account: Account) -> None:
    with responses.RequestsMock() as mocked:
        mocked.get(API + PATH, json={})
        send(account, "GET", f"{API}{PATH}?page=2&filter=old", params={"filter": "a::b+c@d.e|f::g"})

        assert mocked.calls[0].request.url == f"{API}{PATH}?page=2&filter=a%3A%3Ab%2Bc%40d.e%7Cf%3A%3Ag"


# --- Privacy ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 401},
        {"status": 422},
        {"status": 429},
        {"status": 500},
        {"lost_response": 1},
        {"cut": 1},
        {"garble": 1},
        {"hang": 1},
    ],
    ids=str,
)
def test_the_token_is_in_no_error_traceback_or_log(
    sandbox: SandboxProcess, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.order(**fault)

    with pytest.raises(ProviderError) as caught:
        send(sandbox.account(), "POST", json={"recipient_email": "ada@example.org"}, deadline=0.3)

    assert_secret_free(caught.value, caplog.text)


def test_the_token_is_in_no_error_of_a_failed_connection(
    sandbox: SandboxProcess, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tls = sandbox.account(api_url=f"https://{sandbox.host_port}/v1")
    with pytest.raises(Transient) as handshake:
        send(tls)
    settings.PROVIDER_ALLOWED_HOSTS = []
    with pytest.raises(Misconfigured) as local:
        send(tls)

    assert_secret_free(handshake.value, caplog.text)
    assert_secret_free(local.value, caplog.text)


def assert_secret_free(error: ProviderError, log: str) -> None:
    """Nothing of it in the words, nor in what an error reporter collects from our frames."""
    assert error.__context__ is None
    assert error.__cause__ is None
    own = traceback.StackSummary.extract(
        ((frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if is_ours(frame)),
        capture_locals=True,
    )
    assert own
    shown = "".join(own.format())
    for secret in (CANARY, http_basic(CANARY).split()[1]):
        for text in (str(error), repr(error), repr(vars(error)), shown, log):
            assert secret not in text


def is_ours(frame: Any) -> bool:
    return "/tests/" not in frame.f_code.co_filename


@responses.activate
def test_a_refusal_that_quotes_token_and_address_is_kept_without_them(account: Account) -> None:
    body = {
        "error": f"{CANARY} may not write to Ada.L+x@Example.org",
        "link": "https://p.example/?filter=email::ada%40example.org|x::y&a=1",
        "name_of_earner": "Ada",
        "inner": [{"name_of_earner": "Ada", "kept": 1, CANARY: None}],
    }
    responses.post(API + PATH, json=body, status=422)

    with pytest.raises(Rejected) as caught:
        http.request(account, "POST", PATH, dialect=DIALECT, json={})

    assert caught.value.reply["body"] == {
        "error": "… may not write to …",
        "link": "https://p.example/?filter=email::…|x::y&a=1",
        "inner": [{"kept": 1, "…": None}],
    }
    assert caught.value.provider_message == "… may not write to …"


json_texts = st.text() | st.sampled_from(
    [CANARY, f"say {CANARY}!", "ada@example.org", "to=ada%40example.org", "\0", "\ud800", 'quo"ted\\']
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | json_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_texts, inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_what_is_kept_holds_no_secret_and_can_be_stored_and_all_else_stays(value: Any) -> None:
    account = Account(api_url=API, organization_id="1", token=CANARY)

    kept = http.redact(value, account=account, dialect=DIALECT)

    written = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    assert not any(hidden in written for hidden in (CANARY, "ada@", "ada%40"))
    assert storable(kept) == kept
    if not any(part in repr(value) for part in (CANARY, "@", "%40", "\\x00", "\\ud", "nan", "inf")):
        assert kept == value


def test_a_token_is_found_however_json_writes_it() -> None:
    """The account's token is any text: quoted in JSON it looks otherwise."""
    account = Account(api_url=API, organization_id="1", token='to"ke\\n\u00e9')

    kept = http.redact({"said": f"<{account.token}>"}, account=account, dialect=BASIC)

    assert kept == {"said": "<…>"}


@responses.activate
def test_a_deeply_nested_refusal_is_kept_to_a_depth(account: Account) -> None:
    responses.post(API + PATH, body='{"a":' * 500 + "1" + "}" * 500, status=422)

    with pytest.raises(Rejected) as caught:
        send(account, "POST", json={})

    assert "…" in str(caught.value.reply)


def test_an_address_searched_for_is_in_no_log(
    sandbox: SandboxProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    send(sandbox.account(), params={"filter": "recipient_email_all::ada@example.org"})
    sandbox.stop()
    with pytest.raises(ProviderError) as caught:
        send(sandbox.account(), params={"filter": "recipient_email_all::ada@example.org"})

    assert PATH in caplog.text
    for text in (caplog.text, str(caught.value)):
        assert "example.org" not in text


def test_a_malformed_header_does_not_put_the_address_into_the_log(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with listening() as (server, port):
        settings.PROVIDER_ALLOWED_HOSTS = [f"127.0.0.1:{port}"]
        account = Account(api_url=f"http://127.0.0.1:{port}", organization_id="1", token=CANARY)
        answering(server, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon here\r\n\r\n{}")
        send(account, params={"filter": "recipient_email_all::ada@example.org"})

    assert "example.org" not in caplog.text
