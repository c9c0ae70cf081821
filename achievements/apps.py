from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AchievementsConfig(AppConfig):
    name = "achievements"
    verbose_name = _("Achievements")

    def ready(self) -> None:
        from achievements.models import Achievement, Backfill, EarnedAchievement
        from tms import access

        access.register(Achievement, organization="organization")
        access.register(Backfill, organization="achievement__organization")
        access.register(
            EarnedAchievement,
            organization="achievement__organization",
            seen_by=("learner__organization",),
            learner="learner",
        )
