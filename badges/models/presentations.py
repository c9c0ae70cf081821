"""What learners want others to see."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.utils.translation import gettext_lazy as _

from badges.models.issued_badges import IssuedBadge
from tms.access import ScopedQuerySet


class BadgePresentation(models.Model):
    """What a learner wants others to see of a badge of hers; there is a row only where she chose something.

    Written by badges.sharing.choices, for nobody but her. `public_id` names the public page, also again after
    she has stopped publishing it for a while: whatever was made with the address stays right.
    """

    issued_badge = models.OneToOneField(
        IssuedBadge,
        models.CASCADE,
        primary_key=True,
        related_name="presentation",
        verbose_name=_("issued badge"),
    )
    is_featured = models.BooleanField(_("featured"), default=False, db_default=False)
    is_hidden = models.BooleanField(_("hidden"), default=False, db_default=False)
    published_at = models.DateTimeField(_("public since"), null=True)
    public_id = models.UUIDField(_("public ID"), unique=True, default=uuid4, editable=False)
    is_indexed = models.BooleanField(_("open to search engines"), default=False, db_default=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("presentation of a badge")
        verbose_name_plural = _("presentations of badges")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_hidden=False) | models.Q(is_featured=False, published_at__isnull=True),
                name="hidden_is_neither_featured_nor_public",
            ),
            models.CheckConstraint(
                condition=models.Q(is_indexed=False) | models.Q(published_at__isnull=False),
                name="only_public_is_indexed",
            ),
        ]

    def __str__(self) -> str:
        return str(self.issued_badge)
