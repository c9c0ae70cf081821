"""Searches that people keep, to open them again."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from tms.access import ScopedQuerySet
from tms.models.people import User


class SavedSearch(models.Model):
    """What somebody asked of a Find page, as the query of its address. Written by tms.finding.saved."""

    owner = models.ForeignKey(User, models.CASCADE, related_name="saved_searches", db_index=False)
    page = models.CharField(max_length=40)
    name = models.CharField(_("name"), max_length=80)
    query = models.TextField()
    is_default = models.BooleanField(_("Make this my default search"), default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "page", "name"], name="one_search_of_a_name"),
            models.UniqueConstraint(
                fields=["owner", "page"],
                condition=models.Q(is_default=True),
                name="one_default_search_of_a_page",
            ),
        ]

    def __str__(self) -> str:
        return self.name
