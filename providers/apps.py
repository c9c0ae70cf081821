from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = _("Badge providers")

    def ready(self) -> None:
        from providers.models import AccredibleConfig, BadgeProvider, CredlyOrganization
        from tms import access

        for model in (BadgeProvider, CredlyOrganization, AccredibleConfig):
            access.register(model, organization="organization")
