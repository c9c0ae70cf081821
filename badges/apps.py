from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BadgesConfig(AppConfig):
    name = "badges"
    verbose_name = _("Badges")

    def ready(self) -> None:
        from badges.models import Badge, IssuedBadge
        from tms import access

        access.register(Badge, organization="organization")
        access.register(
            IssuedBadge,
            organization="badge__organization",
            seen_by=("learner__organization",),
            learner="learner",
        )
