"""Misfortune on demand: what the sandbox does wrong, how often and for how long."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

Fault = Literal["status", "hang", "lost_request", "lost_response", "cut", "garble", "drip"]
FAULTS: tuple[Fault, ...] = ("status", "hang", "lost_request", "lost_response", "cut", "garble", "drip")
NOT_NUMBERS = frozenset({"methods", "retry_after", "times", "seed"})


@dataclass(frozen=True)
class Strike:
    """One fault that hits one request. `status` and `retry_after` are of a "status" only."""

    fault: Fault
    status: int = 0
    retry_after: str = ""


# What happens to a share of the requests under `chaos`: each of these as often as the others.
CHAOS = (
    Strike("status", 500),
    Strike("status", 502),
    Strike("status", 503, "1"),
    Strike("status", 504),
    Strike("status", 429, "1"),
    Strike("status", 429, "date:1"),
    *(Strike(fault) for fault in FAULTS if fault != "status"),
)


@dataclass
class Faults:
    """Rates are shares of the API's requests, from 0 to 1.

    Before the act: `status_rate` answers `status` (with `retry_after`, if given, which may be "date:SECONDS"
    for the form of a date) instead of acting, `lost_request` closes the connection, and `hang` never answers,
    or closes after `hang_seconds`. After the act: `lost_response` closes the connection without an answer,
    `cut` breaks the answer off half-way, `garble` answers a page of HTML, `drip` sends a byte every
    `drip_seconds`. `chaos` is a rate for all of them together; with `seed` the dice fall alike every time.

    `limit` answers 429 beyond so many requests in `limit_seconds`. `latency_ms` comes before every answer.
    `search_lag` hides what is new from searches for so many seconds. `methods` limits the rates to some
    methods, and `times` to so many faults altogether.
    """

    lost_request: float = 0.0
    lost_response: float = 0.0
    cut: float = 0.0
    garble: float = 0.0
    drip: float = 0.0
    drip_seconds: float = 0.2
    hang: float = 0.0
    hang_seconds: float = 0.0
    status: int = 503
    status_rate: float = 0.0
    retry_after: str = ""
    chaos: float = 0.0
    seed: int | None = None
    limit: float = 0.0
    limit_seconds: float = 30.0
    latency_ms: float = 0.0
    search_lag: float = 0.0
    methods: list[str] = field(default_factory=list)
    times: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _dice: random.Random = field(default_factory=random.Random, repr=False, compare=False)
    _calls: deque[float] = field(default_factory=deque, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seed is not None:
            self._dice.seed(self.seed)

    def strike(self, method: str) -> Strike | None:
        """The fault that hits this request, if any."""
        if self.limit and self._is_beyond_limit():
            return Strike("status", 429, self.retry_after)
        if self.methods and method not in self.methods:
            return None
        found = self._thrown()
        return found if found and self._may_strike() else None

    def _thrown(self) -> Strike | None:
        # random() never yields 1, so a rate of 1 always strikes and one of 0 never does.
        if self.chaos and self._dice.random() < self.chaos:
            return self._dice.choice(CHAOS)
        for fault in FAULTS:
            rate = self.status_rate if fault == "status" else getattr(self, fault)
            if rate and self._dice.random() < rate:
                return Strike(fault, self.status, self.retry_after)
        return None

    def _may_strike(self) -> bool:
        with self._lock:
            if self.times is None:
                return True
            self.times -= 1
            return self.times >= 0

    def _is_beyond_limit(self) -> bool:
        with self._lock:
            now = time.monotonic()
            while self._calls and self._calls[0] <= now - self.limit_seconds:
                self._calls.popleft()
            if len(self._calls) >= self.limit:
                return True
            self._calls.append(now)
            return False

    def described(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _names()}


def read(given: dict[str, Any]) -> Faults:
    """The faults that are asked for, and no others; ValueError says what is wrong."""
    unknown = sorted(set(given) - set(_names()))
    if unknown:
        raise ValueError(f"Unknown: {', '.join(unknown)}. Known are {', '.join(_names())}.")
    values: dict[str, Any] = {}
    for name, value in given.items():
        values[name] = value if name in NOT_NUMBERS else number(name, value)
    if "status" in values:
        values["status"] = int(values["status"])
        values.setdefault("status_rate", 1.0)
    values["methods"] = [str(method).upper() for method in values.get("methods", ())]
    return Faults(**values)


def number(name: str, value: Any) -> float:
    """A number, or a percentage as text."""
    text = str(value).strip()
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}; a number is needed.") from None


def retry_after(text: str) -> str:
    """The header: as given, or as the date that "date:SECONDS" means now."""
    form, colon, seconds = text.partition(":")
    if form != "date" or not colon:
        return text
    return format_datetime(datetime.now(UTC) + timedelta(seconds=float(seconds)), usegmt=True)


def _names() -> list[str]:
    return [item.name for item in fields(Faults) if not item.name.startswith("_")]
