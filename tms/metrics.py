"""Figures for monitoring in Prometheus's text format, and those of this app.

An app offers its figures as METRICS in a module of this name (tms.contributions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min
from django.utils import timezone

from tms.models import Mail, ProgressChange
from tms.notifying.outbox import waiting


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A gauge. `read` gives (labels, value) for each of its series, from a fixed number of queries."""

    name: str
    help: str
    read: Callable[[], Iterable[tuple[dict[str, str], float]]]


def age_in_seconds(moment: datetime | None) -> float:
    """Zero when there is nothing that could be old."""
    return max((timezone.now() - moment).total_seconds(), 0.0) if moment else 0.0


def exposition(metrics: Iterable[Metric]) -> str:
    lines: list[str] = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} gauge"]
        for labels, value in metric.read():
            named = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            lines.append(f"{metric.name}{{{named}}} {value:g}" if named else f"{metric.name} {value:g}")
    return "\n".join(lines) + "\n"


def _escaped(text: Any) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _oldest_change() -> list[tuple[dict[str, str], float]]:
    oldest = ProgressChange.objects.aggregate(at=Min("at"))["at"]
    return [({}, age_in_seconds(oldest))]


def _oldest_notification() -> list[tuple[dict[str, str], float]]:
    oldest = waiting().aggregate(at=Min("created_at"))["at"]
    return [({}, age_in_seconds(oldest))]


def _oldest_mail() -> list[tuple[dict[str, str], float]]:
    oldest = Mail.objects.filter(state=Mail.State.WAITING).aggregate(at=Min("created_at"))["at"]
    return [({}, age_in_seconds(oldest))]


def _mails_given_up() -> list[tuple[dict[str, str], float]]:
    return [({}, Mail.objects.filter(state=Mail.State.FAILED).count())]


METRICS = (
    Metric(
        name="tms_oldest_progress_change_seconds",
        help="Age of the oldest change of a learner that no evaluation has read yet.",
        read=_oldest_change,
    ),
    Metric(
        name="tms_oldest_notification_seconds",
        help="Age of the oldest notification that waits to be gathered into a mail.",
        read=_oldest_notification,
    ),
    Metric(
        name="tms_oldest_mail_seconds",
        help="Age of the oldest mail that waits for the mail server.",
        read=_oldest_mail,
    ),
    Metric(
        name="tms_mails_given_up",
        help="Mails that could not be sent and are tried no more.",
        read=_mails_given_up,
    ),
)
