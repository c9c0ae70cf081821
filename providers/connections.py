"""The connections to providers: where they may lead and how long an exchange on them may take.

A connection goes to public addresses over TLS, or to a host:port of PROVIDER_ALLOWED_HOSTS. Every send and
every read is cut to the time left of the exchange that the thread is in. What is said over a connection, and
what an answer means, is in providers.http.
"""

from __future__ import annotations

import io
import math
import os
import socket
import ssl
import threading
from http.client import HTTPException, HTTPResponse
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.exceptions import SSLError as PoolSSLError
from urllib3.util.connection import create_connection

from providers.base import Misconfigured, Transient

CONNECT_SECONDS = 10.0
# A connection that rested longer may have been forgotten by a router between us: a POST on it would hang.
IDLE_SECONDS = 30.0
SLACK = 0.05


def host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_allowed(name: str) -> bool:
    """Whether the operator named this host:port, so that it may be local and without TLS."""
    return name in (entry.lower() for entry in settings.PROVIDER_ALLOWED_HOSTS)


def is_public(address: str) -> bool:
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip.sixtofour or ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


class Clock(threading.local):
    """When the exchange of this thread must be over, as time.monotonic() counts, and how many calls it made.

    `not_after` bounds all exchanges of one piece of work, however many there are and whenever they begin.
    """

    ends_at = 0.0
    not_after = math.inf
    calls = 0

    def start(self, seconds: float) -> None:
        """Begin an exchange of so many seconds, of fewer when the work has to be over before."""
        self.ends_at = min(monotonic() + seconds, self.not_after)

    def left(self) -> float:
        """Seconds, more than zero; TimeoutError when there are none."""
        seconds = self.ends_at - monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


clock = Clock()


def _limit(sock: socket.socket) -> None:
    """Let what happens next on the socket take no longer than is left, or SLACK more: to set the time costs
    a system call, during which another thread may take the interpreter away."""
    left, most = clock.left(), sock.gettimeout()
    if most is None or not left <= most <= left + SLACK:
        sock.settimeout(left)


class _Reader(io.RawIOBase):
    """The socket, read within the time left: the time-out of one read starts anew with each dripping byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._socket = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        _limit(self._socket)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    """Leads to permitted addresses only, and tells a failure to connect from every later one.

    The first byte of a request is sent after `connect` has returned, so a request whose connection raised
    Transient has provably not left.
    """

    response_class = _Response
    _used_at = 0.0
    _together: list[bytes] | None = None

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, HTTPError, HTTPException, UnicodeError) as error:
            raise Transient(
                _("%(host)s cannot be reached: %(reason)s. Nothing was sent.")
                % {"host": self.host, "reason": _why(error)}
            ) from None

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Head and body go in one packet: two would wake the other side for a half of a request."""
        self._together = []
        try:
            super().request(*args, **kwargs)
            whole = b"".join(self._together)
        finally:
            self._together = None
        self.send(whole)

    def send(self, data: Any) -> None:
        if self._together is not None:
            self._together.append(data)
            return
        if self.sock is None:
            self.connect()
        self._used_at = monotonic()
        _limit(self.sock)
        super().send(data)

    @property
    def is_connected(self) -> bool:
        return monotonic() - self._used_at < IDLE_SECONDS and super().is_connected

    def _new_conn(self) -> socket.socket:
        failure: OSError = socket.gaierror()
        for address in self._addresses():
            try:
                return create_connection(
                    (address, self.port),
                    timeout=min(clock.left(), CONNECT_SECONDS),
                    socket_options=self.socket_options,
                )
            except OSError as error:
                failure = error
        raise failure

    def _addresses(self) -> list[str]:
        """Where the name leads now. The connection goes to what was checked here, not to a second look-up."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if is_allowed(host_port(self.host, self.port)):
            return addresses
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise Misconfigured(
                _("%(host)s is not on the public internet and not one of PROVIDER_ALLOWED_HOSTS.")
                % {"host": self.host}
            )
        return public


class _ConnectionTLS(_Connection, HTTPSConnection):
    pass


class Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _ConnectionTLS


def _why(error: Exception) -> str:
    """Never the error's own text: it may name the whole address, and a search is addressed by e-mail."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return _("the name has no address")
    if isinstance(error, TimeoutError | ReadTimeoutError):
        return _("no connection in time")
    if isinstance(error, ssl.SSLError | PoolSSLError):
        return _("no trusted TLS connection")
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__
