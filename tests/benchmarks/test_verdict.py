"""The campaign's judge condemns what it should: what is there twice, lost, or failed without a true reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from badges.models import IssuedBadge
from badges.status import Status
from benchmarks.verdict import LAST, Record, Verdict, judge
from tests.factories import IssuedBadgeFactory

pytestmark = pytest.mark.django_db
AT = "2026-03-02T09:41:00.000+00:00"
Judged = Callable[..., Verdict]


@pytest.fixture
def row() -> IssuedBadge:
    found: IssuedBadge = IssuedBadgeFactory(status=Status.ISSUED, external_uuid="b-1")
    return found


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """What is said of a sandbox that wrote these lines."""

    def judged(*lines: dict[str, Any], intents: int = 1) -> Verdict:
        path = tmp_path / "sandbox.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return judge(Record.read(path, until=LAST), intents=intents)

    return judged


def badge(row: IssuedBadge, external_id: str = "b-1", **changes: Any) -> dict[str, Any]:
    facts = {"badge_template_id": row.badge.template_id, "issuer_earner_id": str(row.learner.earner_id)}
    return {"kind": "badge", "id": external_id, "state": "pending", **facts, **changes}


def asked(row: IssuedBadge, status: int) -> dict[str, Any]:
    body = {"badge_template_id": row.badge.template_id, "issuer_earner_id": str(row.learner.earner_id)}
    facts = {"method": "POST", "path": "/v1/organizations/a/badges", "account": "a", "at": AT}
    return {"kind": "request", **facts, "status": status, "body": json.dumps(body)}


def failed(row: IssuedBadge, status: int, **changes: Any) -> None:
    told = {"failure_code": "rejected", "failure_message": f"The provider refuses ({status}).", **changes}
    IssuedBadge.objects.filter(pk=row.pk).update(status=Status.FAILED, external_uuid="", **told)


def test_a_badge_that_is_there_once_is_well(row: IssuedBadge, judged: Judged) -> None:
    verdict = judged(asked(row, 201), badge(row))
    assert verdict.holds
    assert (verdict.issued, verdict.failed) == (1, 0)


def test_one_that_is_there_twice_is_a_duplicate(row: IssuedBadge, judged: Judged) -> None:
    verdict = judged(badge(row), badge(row, "b-2"))
    assert (verdict.holds, verdict.duplicates) == (False, 1)
    assert judged(badge(row), badge(row, "b-2", state="revoked")).holds


def test_an_issued_one_that_is_not_there_is_lost(row: IssuedBadge, judged: Judged) -> None:
    for lines in ([], [badge(row), {"kind": "deleted", "id": "b-1"}], [badge(row, issuer_earner_id="x")]):
        verdict = judged(*lines)
        assert not verdict.holds
        assert len(verdict.lost) == 1


@pytest.mark.parametrize("status", [Status.QUEUED, Status.UNKNOWN, Status.SENDING, Status.HELD])
def test_one_that_came_to_no_end_is_lost(row: IssuedBadge, judged: Judged, status: Status) -> None:
    IssuedBadge.objects.update(status=status)
    verdict = judged(badge(row))
    assert (verdict.holds, verdict.open, len(verdict.lost)) == (False, 1, 1)


def test_an_intent_of_which_there_is_no_record_is_missed(row: IssuedBadge, judged: Judged) -> None:
    assert not judged(badge(row), intents=2).holds


def test_a_refusal_that_the_provider_knows_of_is_a_true_reason(row: IssuedBadge, judged: Judged) -> None:
    failed(row, 422)
    verdict = judged(asked(row, 503), asked(row, 422))
    assert verdict.holds
    assert dict(verdict.reasons) == {"the last request was refused with 422": 1}


@pytest.mark.parametrize("statuses", [[], [503], [422, 503], [404], [429]])
def test_a_refusal_that_the_provider_does_not_know_of_is_unexplained(
    row: IssuedBadge, judged: Judged, statuses: list[int]
) -> None:
    failed(row, 422)
    verdict = judged(*(asked(row, status) for status in statuses))
    assert (verdict.holds, len(verdict.unexplained)) == (False, 1)


def test_a_failure_whose_badge_is_there_all_the_same_is_unexplained(row: IssuedBadge, judged: Judged) -> None:
    failed(row, 422)
    verdict = judged(asked(row, 422), badge(row))
    assert (verdict.holds, len(verdict.unexplained)) == (False, 1)


def test_a_badge_of_nobody_is_unexplained(row: IssuedBadge, judged: Judged) -> None:
    verdict = judged(badge(row), badge(row, "b-2", issuer_earner_id="somebody else"))
    assert (verdict.holds, len(verdict.unexplained)) == (False, 1)


def test_somebody_without_a_name_is_not_asked_for(row: IssuedBadge, judged: Judged) -> None:
    failed(row, 0, failure_code="no_name")
    assert not judged().holds
    type(row.learner).objects.update(first_name="")
    assert judged().holds
    assert not judged(asked(row, 201)).holds


def test_the_most_requests_of_any_minute_are_told(row: IssuedBadge, tmp_path: Path) -> None:
    path = tmp_path / "sandbox.jsonl"
    moments = [f"2026-03-02T09:{minute:02}:{second:02}.000+00:00" for minute, second in [(0, 0), (0, 50), (1, 10), (1, 49), (3, 0)]]  # fmt: skip
    path.write_text("".join(json.dumps({**asked(row, 201), "at": at}) + "\n" for at in moments))
    assert Record.read(path, until=LAST).most_in_a_minute("a") == 3
