from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = _("Badge providers")

    def ready(self) -> None:
        from providers.models import BadgeProvider
        from tms import access

        access.register(BadgeProvider, organization="organization")
