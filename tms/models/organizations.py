"""The tree of organizations and what each has switched on."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tms.models.base import Fact, validate_time_zone


class Organization(Fact):
    """A node of the tree. Written by tms.organizations, which copies a parent's preferences at creation."""

    name = models.CharField(_("name"), max_length=200)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent")
    )
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_time_zone]
    )
    enable_achievements = models.BooleanField(_("Enable Achievements"), default=False)
    participate_in_global_achievements = models.BooleanField(
        _("Participate in Global Achievements"),
        default=False,
        help_text=_("Only meaningful while Enable Achievements is ticked."),
    )
    allow_member_profiles = models.BooleanField(
        _("Allow Member Profiles"),
        default=False,
        help_text=_(
            "Its members may show their profiles to each other. Each of them decides for themselves."
        ),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
