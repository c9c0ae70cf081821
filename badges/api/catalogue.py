"""The collection of badges: what can be issued."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from badges import activation
from badges.catalogue import save_badge
from badges.models import Badge
from providers.models import BadgeProvider
from tms.access import Action
from tms.api.collection import WritableCollection, fill
from tms.api.external import Reference
from tms.api.filtering import filters_for
from tms.api.strict import FactSerializer
from tms.models import Organization

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

    from tms.models import User


class BadgeSerializer(FactSerializer):
    badge_provider = Reference(to=BadgeProvider, shared=True)
    available_to = Reference(
        many=True,
        to=Organization,
        action=Action.MANAGE,
        required=False,
        help_text=_("Organizations below its own that may use the badge for their achievements."),
    )

    class Meta:
        model = Badge
        fields = (
            "id",
            "external_id",
            "name",
            "description",
            "translations",
            "organization",
            "badge_provider",
            "template_id",
            "image_url",
            "enable_manual_issuance",
            "is_active",
            "expires_after_days",
            "available_to",
            "template_state",
            "template_url",
            "allows_duplicates",
            "synchronized_at",
        )
        read_only_fields = ("template_state", "template_url", "allows_duplicates", "synchronized_at")


class Badges(WritableCollection):
    """What can be issued: one template of one badge provider.

    To activate a badge whose template nobody has seen, the provider is asked first: `template_not_live` says
    that it is archived or not there. While the provider does not answer, the badge becomes active and its
    `template_state` stays `unseen`, until the next synchronization.
    """

    model = Badge
    serializer_class = BadgeSerializer
    filterset_class = filters_for(BadgeSerializer)
    prefetched = ("available_to",)
    _seen: activation.Look | None = None

    def create(self, request: Request) -> Response:
        self._seen = self._look(Badge(), partial=False)
        return super().create(request)

    def partial_update(self, request: Request, id: str) -> Response:
        self._seen = self._look(self.get_object(), partial=True)
        return super().partial_update(request, id)

    def _look(self, row: Badge, *, partial: bool) -> activation.Look | None:
        """Ask the provider before the transaction of the save begins; of a body that is refused, nothing."""
        given = row if partial else None
        serializer = self.get_serializer(given, data=self.request.data, partial=partial)
        if not serializer.is_valid():
            return None
        fill(row, serializer.validated_data)
        return activation.look(row) if activation.needs_look(row) else None

    def write(self, row: Badge, *, available_to: Sequence[Organization] | None = None, **more: Any) -> None:
        actor: User = self.request.user  # type: ignore[assignment]
        save_badge(row, seen=self._seen, available_to=available_to, actor=actor)
