"""Misfortune on demand: what the sandbox does wrong, how often and for how long."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Fault = Literal["status", "hang", "lost_response", "cut", "garble", "drip"]
FAULTS: tuple[Fault, ...] = ("status", "hang", "lost_response", "cut", "garble", "drip")


@dataclass
class Faults:
    """Rates are shares of the API's requests, from 0 to 1.

    Before the act: `status_rate` answers `status` (with `retry_after`, if given) instead of acting, and
    `hang` never answers. After the act: `lost_response` closes the connection without an answer, `cut`
    breaks the answer off half-way, `garble` answers something that is not JSON, `drip` sends a byte every
    `drip_seconds`.

    `latency_ms` comes before every answer. `search_lag` hides a new badge from searches for so many
    seconds. `methods` limits the rates to some methods, and `times` to so many faults altogether.
    """

    lost_response: float = 0.0
    cut: float = 0.0
    garble: float = 0.0
    drip: float = 0.0
    drip_seconds: float = 0.2
    hang: float = 0.0
    status: int = 503
    status_rate: float = 0.0
    retry_after: str = ""
    latency_ms: float = 0.0
    search_lag: float = 0.0
    methods: list[str] = field(default_factory=list)
    times: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def strike(self, method: str) -> Fault | None:
        """The fault that hits this request, if any."""
        if self.methods and method not in self.methods:
            return None
        for fault in FAULTS:
            rate = self.status_rate if fault == "status" else getattr(self, fault)
            # random() never yields 1, so a rate of 1 always strikes and one of 0 never does.
            if random.random() < rate:  # noqa: S311 - dice, not secrets
                return fault if self._may_strike() else None
        return None

    def _may_strike(self) -> bool:
        with self._lock:
            if self.times is None:
                return True
            self.times -= 1
            return self.times >= 0

    def described(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _names()}


def read(given: dict[str, Any]) -> Faults:
    """The faults that are asked for, and no others; ValueError says what is wrong."""
    unknown = sorted(set(given) - set(_names()))
    if unknown:
        raise ValueError(f"Unknown: {', '.join(unknown)}. Known are {', '.join(_names())}.")
    values: dict[str, Any] = {}
    for name, value in given.items():
        values[name] = value if name in {"methods", "retry_after", "times"} else number(name, value)
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


def _names() -> list[str]:
    return [item.name for item in fields(Faults) if not item.name.startswith("_")]
