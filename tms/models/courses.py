"""What is taught: labs, courses and their tags."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from tms.models.base import Fact
from tms.models.organizations import Organization


class Lab(Fact):
    """A lab profile; each launch of it is a LabInstance."""

    name = models.CharField(_("name"), max_length=200)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    is_exam = models.BooleanField(_("exam"), default=False)

    class Meta:
        verbose_name = _("lab")
        verbose_name_plural = _("labs")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class CourseTag(Fact):
    name = models.CharField(_("name"), max_length=200)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))

    class Meta:
        verbose_name = _("course tag")
        verbose_name_plural = _("course tags")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Course(Fact):
    """Needs a content provider and a publishing group before training can be set up for it."""

    name = models.CharField(_("name"), max_length=200)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    content_provider = models.CharField(_("content provider"), max_length=200, blank=True)
    publishing_group = models.CharField(_("publishing group"), max_length=200, blank=True)
    tags = models.ManyToManyField(CourseTag, blank=True, related_name="courses", verbose_name=_("tags"))
    labs = models.ManyToManyField(Lab, blank=True, related_name="courses", verbose_name=_("labs"))
    achievements_for_outside_organizations = models.BooleanField(
        _("Enable achievements for outside organizations"), default=False
    )

    class Meta:
        verbose_name = _("course")
        verbose_name_plural = _("courses")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def can_be_scheduled(self) -> bool:
        return bool(self.content_provider and self.publishing_group)

    def require_schedulable(self) -> None:
        """Refuse training with a course that is not ready for it."""
        if not self.can_be_scheduled:
            raise ValidationError(
                {
                    "course": _(
                        "%(course)s needs a content provider and a publishing group before training can be"
                        " set up for it."
                    )
                    % {"course": self}
                },
                code="not_schedulable",
            )
