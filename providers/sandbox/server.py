"""The sandbox's HTTP: one thread per connection, kept alive, one write per answer."""

from __future__ import annotations

import socket
import sys
import time
import traceback
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from providers.sandbox import accredible, control, credly, faults, pages
from providers.sandbox.messages import Answer, Request, refuse
from providers.sandbox.store import now
from providers.sandbox.webhooks import Messenger

if TYPE_CHECKING:
    from http.client import HTTPMessage

    from providers.sandbox.faults import Fault, Faults, Strike
    from providers.sandbox.store import Store

BODY_BYTES = 1024 * 1024
DISCARDED_BYTES = 16 * BODY_BYTES


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str, port: int, *, store: Store, faults: Faults, public_url: str = "") -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.store = store
        self.faults = faults
        self.faults_of: dict[str, Faults] = {}
        self.faults_about: dict[tuple[str, ...], Faults] = {}
        self.connections = 0
        super().__init__((host, port), Handler)
        self.messenger = Messenger(store)
        self.messenger.start()
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self.server_port}"
        self.public_url = public_url.rstrip("/") or self.url

    def server_bind(self) -> None:
        """Without the look-up of the own host name, which may take seconds and is not used."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what half of the faults are about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    headers: HTTPMessage

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: what came in is on the page and in the file."""

    @property
    def _server(self) -> Server:
        return cast("Server", self.server)

    def _serve(self) -> None:
        request = self._read()
        if isinstance(request, Answer):
            self.close_connection = True
            self._send(request)
        elif credly.is_api(request.path) or accredible.is_api(request.path):
            self._serve_api(request)
        else:
            self._send(control.answer(self._server, request) or pages.answer(self._server, request))

    def _read(self) -> Request | Answer:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            return refuse(411, "The body needs a Content-Length.")
        if int(length) > BODY_BYTES:
            # A client that is still sending would lose the answer with the connection.
            left = min(int(length), DISCARDED_BYTES)
            while left and (chunk := self.rfile.read(min(left, BODY_BYTES))):
                left -= len(chunk)
            return refuse(413, "The body is too long.")
        parts = urlsplit(self.path)
        host = self.headers.get("Host", "")
        return Request(
            method=self.command,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query)) if parts.query else {},
            authorization=self.headers.get("Authorization", ""),
            content_type=self.headers.get("Content-Type", ""),
            body=self.rfile.read(int(length)) if length != "0" else b"",
            base_url=f"http://{host}" if host else self._server.url,
            public_url=self._server.public_url,
        )

    # --- The provider -----------------------------------------------------------------------------------

    def _serve_api(self, request: Request) -> None:
        account = self._account_of(request)
        active = self._faults_of(request, account)
        if active.latency_ms:
            time.sleep(active.latency_ms / 1000)
        strike = active.strike(request.method)
        fault = strike.fault if strike else None
        if strike and fault in {"hang", "lost_request"}:
            self._note(request, None, fault=fault, account=account)
            self.close_connection = True
            if fault == "hang":
                self._hang(active.hang_seconds)
            return
        answer = _faulty(strike) if strike and fault == "status" else self._act(request, active)
        self._note(request, answer, fault=fault, account=account)
        self._send(answer, fault=fault, drip_seconds=active.drip_seconds)

    def _faults_of(self, request: Request, account: str) -> Faults:
        """Those of what the request names, before those of its account, before those of all."""
        named = " ".join([request.path, *request.query.values(), request.body.decode(errors="replace")])
        for texts, active in self._server.faults_about.items():
            if all(text in named for text in texts):
                return active
        return self._server.faults_of.get(account, self._server.faults)

    def _account_of(self, request: Request) -> str:
        if accredible.is_api(request.path):
            return accredible.account_of(request, self._server.store)
        return credly.account_of(request)

    def _act(self, request: Request, active: Faults) -> Answer:
        answer = accredible.answer if accredible.is_api(request.path) else credly.answer
        try:
            return answer(request, self._server.store, search_lag=active.search_lag)
        except Exception:  # noqa: BLE001 - a mistake in here answers 500, as a real provider's would
            traceback.print_exc()
            return refuse(500, "The sandbox itself failed; its console says why.")

    def _note(self, request: Request, answer: Answer | None, *, fault: Fault | None, account: str) -> None:
        """Keep the request, without its token, before anybody learns what became of it."""
        line: dict[str, Any] = {
            "at": now(),
            "method": request.method,
            "path": request.path,
            "account": account,
            "status": answer.status if answer else 0,
        }
        if request.query:
            line["query"] = dict(request.query)
        if request.body:
            line["body"] = request.body.decode(errors="replace")
        if fault:
            line["fault"] = fault
        self._server.store.received(line)

    def _hang(self, seconds: float) -> None:
        """Until the client gives up, or so many seconds."""
        self.connection.settimeout(seconds or None)
        with suppress(OSError):
            while self.connection.recv(4096):
                pass

    # --- Sending ------------------------------------------------------------------------------------------

    def _send(self, answer: Answer, *, fault: Fault | None = None, drip_seconds: float = 0.0) -> None:
        if fault == "garble":
            status = 200 if answer.status == 204 else answer.status
            answer = Answer(status, b"<html>The provider is being mended.</html>", "text/html")
        body = answer.body
        reason = self.responses.get(answer.status, ("",))[0]
        head = [
            f"HTTP/1.1 {answer.status} {reason}",
            f"Date: {self.date_time_string()}",
            # An answer without a body by its status has no headers about one either.
            *([] if answer.status == 204 else _about(body, content_type=answer.content_type)),
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if self.close_connection:
            head.append("Connection: close")
        message = "\r\n".join([*head, "", ""]).encode("latin-1") + body
        if fault in {"lost_response", "cut"}:
            self.close_connection = True
            # Half of the body, or half of the status where there is none.
            whole = len(message) - len(body) // 2 - 1 if body else len("HTTP/1.1 2")
            message = b"" if fault == "lost_response" else message[:whole]
        if fault == "drip":
            self._drip(message, seconds=drip_seconds)
        elif message:
            self.connection.sendall(message)

    def _drip(self, message: bytes, *, seconds: float) -> None:
        for position in range(len(message)):
            self.connection.sendall(message[position : position + 1])
            time.sleep(seconds)


def _faulty(strike: Strike) -> Answer:
    headers = {"Retry-After": faults.retry_after(strike.retry_after)} if strike.retry_after else {}
    plain = refuse(strike.status, "This failure was ordered.")
    return Answer(plain.status, plain.body, headers=headers)


def _about(body: bytes, *, content_type: str) -> list[str]:
    return [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
