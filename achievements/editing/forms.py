"""What is typed about an achievement. What it means is checked where everybody's is: in authoring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from achievements import categories
from achievements.models import Achievement
from badges.models import Badge
from tms.access import Action, Role
from tms.back_office import Refusal
from tms.errors import DomainError
from tms.finding.chooser import ids_of
from tms.in_languages import LANGUAGES, TranslatedForm
from tms.models import Organization, User
from tms.sections import Section

# Whoever changes one of these may change who has earned it, or who gets a badge for it.
DECIDING = frozenset(
    {
        "badge",
        "conditions_text",
        "enabled",
        "frequency",
        "frequency_type",
        "is_global",
        "is_renewable",
        "organization",
    }
)


class AchievementForm(TranslatedForm):
    field_names = {"conditions": "conditions_text"}
    sections = (
        Section(
            name="basic-information",
            label=gettext_lazy("Basic Information"),
            fields=(
                "name",
                "description",
                "organization",
                "points",
                "frequency",
                "frequency_type",
                "category",
                "badge",
                "enabled",
                "is_renewable",
                "is_global",
            ),
            template="achievements/editing/_basic.html",
        ),
        Section(
            name="conditions",
            label=gettext_lazy("Conditions"),
            fields=("conditions_text",),
            template="achievements/editing/_conditions.html",
        ),
        LANGUAGES,
    )

    class Meta:
        model = Achievement
        fields = (
            "name",
            "description",
            "organization",
            "points",
            "frequency",
            "frequency_type",
            "category",
            "badge",
            "enabled",
            "is_renewable",
            "is_global",
            "conditions_text",
        )
        labels = {
            "name": gettext_lazy("Name"),
            "description": gettext_lazy("Description"),
            "organization": gettext_lazy("Organization"),
            "points": gettext_lazy("Points"),
            "frequency": gettext_lazy("Frequency"),
            "frequency_type": gettext_lazy("Frequency Type"),
            "category": gettext_lazy("Category"),
            "badge": gettext_lazy("Badge"),
            "enabled": gettext_lazy("Enabled"),
            "is_global": gettext_lazy("Global"),
            "conditions_text": gettext_lazy("Conditions"),
        }
        help_texts = {
            "frequency_type": gettext_lazy(
                "Per User: each user up to Frequency times. Per Achievement: so many users in all, once each."
                " Per Day: one user, then nobody for Frequency days."
            ),
            "category": gettext_lazy(
                "Groups achievements on learners' pages: Profile, Courses, Community, Engagement or your own."
            ),
            "is_global": gettext_lazy(
                "Also for learners of other organizations that participate in global achievements."
            ),
        }
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
            "category": forms.TextInput(attrs={"list": "categories", "autocomplete": "off"}),
            "badge": forms.TextInput,  # shown by its section, with the dialog to choose it
            "conditions_text": forms.Textarea(
                attrs={
                    "rows": 8,
                    "spellcheck": "false",
                    "autocomplete": "off",
                    "autocapitalize": "off",
                    "wrap": "off",
                    "dir": "ltr",
                    "aria-describedby": "remarks",
                }
            ),
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["conditions_text"].strip = False  # type: ignore[attr-defined]
        organization: Any = self.fields["organization"]
        organization.queryset = Organization.objects.for_user(user, Action.MANAGE)
        organization.empty_label = None if user.organization_id else organization.empty_label
        badge: Any = self.fields["badge"]
        badge.queryset = badges_for(user)
        if self.instance.pk:
            self._keep_present_choices()  # a badge that was available once
        if not (user.is_superuser or Role.GLOBAL_ACHIEVEMENTS in user.active_roles):
            del self.fields["is_global"]
        if self.instance.pk is None:
            self.initial.update(organization=user.organization_id, points=10)

    @property
    def categories(self) -> list[str]:
        """Suggested: the four that learners' pages know, and those that are used."""
        rows = Achievement.objects.for_user(self.user, Action.SEE).exclude(category="").order_by()
        return categories.in_order(
            {*categories.STANDARD, *rows.values_list("category", flat=True).distinct()}
        )

    @property
    def goes_live(self) -> bool:
        """Whether saving may lead to awards or to badges at once."""
        draft: Achievement = self.instance
        decides = draft._state.adding or bool(DECIDING & set(self.changed_data))
        return decides and draft.enabled and draft.organization.enable_achievements

    def refused(self, refusal: Refusal) -> Iterable[tuple[str | None, Any]]:
        """Mistakes in the conditions are listed below them, each with its place."""
        if isinstance(refusal, DomainError) and refusal.data.get("remarks"):
            return [("conditions", _("The conditions have mistakes, which are listed here."))]
        return super().refused(refusal)

    @property
    def chosen_badge(self) -> Badge | None:
        """The badge that is shown as chosen: what was typed, or else what is stored."""
        field: Any = self.fields["badge"]
        badges: QuerySet[Badge] = field.queryset.select_related("badge_provider")
        return badges.filter(pk__in=ids_of([str(self["badge"].value() or "")])).first()


def badges_for(user: User) -> Any:
    """The badges that achievements of this administrator may lead to: her own, and those made available to
    an organization of hers. Which of them fits an achievement's organization, saving decides."""
    own = Badge.objects.for_user(user, Action.SEE)
    shared = Badge.objects.filter(available_to__in=Organization.objects.for_user(user, Action.MANAGE))
    return Badge.objects.filter(Q(pk__in=own.values("pk")) | Q(pk__in=shared.values("pk")))
