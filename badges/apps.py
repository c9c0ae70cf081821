from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BadgesConfig(AppConfig):
    name = "badges"
    verbose_name = _("Badges")

    def ready(self) -> None:
        from badges.models import (
            AccredibleBadge,
            Badge,
            BadgePresentation,
            Comparison,
            CredlyBadge,
            Difference,
            IssuedBadge,
            IssuingAct,
            IssuingList,
            ProviderEvent,
            Synchronization,
        )
        from tms import access

        access.register(Badge, organization="organization", host="organization")
        for issued in (IssuedBadge, CredlyBadge, AccredibleBadge):
            access.register(
                issued,
                organization="badge__organization",
                seen_by=("learner__organization",),
                learner="learner",
                host="badge__organization",
            )
        access.register(
            BadgePresentation,
            organization="issued_badge__badge__organization",
            seen_by=("issued_badge__learner__organization",),
            learner="issued_badge__learner",
        )
        # Whoever did it may come back to it; who undoes it manages the organization.
        access.register(IssuingAct, organization="organization", learner="actor")
        access.register(IssuingList, organization="organization", learner="actor")
        for told in (ProviderEvent, Comparison, Synchronization):
            access.register(told, organization="badge_provider__organization")
        access.register(
            Difference,
            organization="badge_provider__organization",
            seen_by=("badge__organization",),
        )
