"""Organizations with an account at the sandbox, a badge of it, and learners to issue it to."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from badges.models import Badge, IssuedBadge
from benchmarks.sandbox import ORGANIZATION, TEMPLATE, TOKEN
from providers.models import BadgeProvider
from tms.models import Organization, User

EARNED = datetime(2026, 3, 2, 9, tzinfo=UTC)
_numbers = count()


def badge_at(
    url: str,
    *,
    learners: int,
    kind: str = BadgeProvider.Kind.CREDLY,
    account: str = ORGANIZATION,
    template: str = TEMPLATE,
    token: str = TOKEN,
) -> Badge:
    """A badge of a new organization with so many learners, its account at the sandbox of this address."""
    number = next(_numbers)
    organization = Organization.objects.create(name=f"Organization {number}", enable_achievements=True)
    User.objects.bulk_create(
        User(
            email=f"learner{learner}.{number}@example.org",
            first_name="Ada",
            last_name=f"Learner{learner}",
            organization=organization,
        )
        for learner in range(learners)
    )
    provider = BadgeProvider.objects.create(
        name=f"Account {number}",
        organization=organization,
        kind=kind,
        provider_organization_id=account,
        token=token,
        api_url=f"{url}/v1",
    )
    return Badge.objects.create(
        name=f"Benchmark {number}",
        organization=organization,
        badge_provider=provider,
        template_id=template,
        is_active=True,
        enable_manual_issuance=True,
    )


def intents_for(badge: Badge) -> None:
    """One for each learner of its organization, as an evaluation leaves them."""
    IssuedBadge.objects.bulk_create(
        (
            IssuedBadge(
                badge=badge,
                learner=learner,
                source_kind=IssuedBadge.Source.ACHIEVEMENT,
                earned_at=EARNED,
                recipient_email=learner.email,
            )
            for learner in User.objects.filter(organization=badge.organization)
        ),
        batch_size=5_000,
    )
