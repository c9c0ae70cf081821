"""badge_providers.csv, badges.csv and achievements.csv."""

from __future__ import annotations

from collections.abc import Sequence

from achievements.authoring import save_achievement
from achievements.models import Achievement
from badges.catalogue import save_badge
from badges.models import Badge
from config.importing import cells
from config.importing.columns import EXTERNAL_ID, NAME, NUMBER, Column, optional, required
from config.importing.sheet import Draft, Sheet, continue_numbering
from config.importing.teaching import ORGANIZATION
from config.importing.translated import TRANSLATED, translate
from providers.accounts import missing_of, save_provider
from providers.models import BadgeProvider


class BadgeProviders(Sheet[BadgeProvider]):
    """An account that the file leaves incomplete is stored disabled until somebody completes it."""

    name = "badge_providers"
    model = BadgeProvider
    batch = 1
    columns = (
        EXTERNAL_ID,
        NAME,
        ORGANIZATION,
        required("type", cells.one_of(BadgeProvider.Kind), field="kind"),
        optional("provider_organization_id", empty=""),
        optional("api_url", empty=""),
        optional("token_env", cells.from_environment, field="token"),
    )

    def apply(self, draft: Draft[BadgeProvider]) -> None:
        super().apply(draft)
        if draft.before is None or not _is_complete(draft.before):
            draft.fact.is_enabled = _is_complete(draft.fact)

    def store(self, drafts: Sequence[Draft[BadgeProvider]]) -> None:
        for draft in drafts:
            save_provider(draft.fact, new_token=draft.values.get("token_env"))


def _is_complete(provider: BadgeProvider) -> bool:
    return not missing_of(provider)


class Badges(Sheet[Badge]):
    name = "badges"
    model = Badge
    batch = 1
    columns = (
        EXTERNAL_ID,
        NAME,
        ORGANIZATION,
        required("badge_provider", refers_to=BadgeProvider),
        required("template_id"),
        optional("description", empty=""),
        optional("enable_manual_issuance", cells.boolean),
        optional("is_active", cells.boolean),
        *TRANSLATED,
    )

    def apply(self, draft: Draft[Badge]) -> None:
        super().apply(draft)
        translate(draft)

    def store(self, drafts: Sequence[Draft[Badge]]) -> None:
        for draft in drafts:
            save_badge(draft.fact)


class Achievements(Sheet[Achievement]):
    name = "achievements"
    model = Achievement
    waits = True  # for the achievements that its conditions name
    batch = 1
    columns = (
        NUMBER,
        EXTERNAL_ID,
        NAME,
        optional("description", empty=""),
        ORGANIZATION,
        optional("category", empty=""),
        required("points", cells.whole()),
        optional("frequency", cells.whole(minimum=1)),
        optional("frequency_type", cells.one_of(Achievement.FrequencyType)),
        optional("badge", empty=None, refers_to=Badge),
        optional("is_global", cells.boolean),
        optional("enabled", cells.boolean),
        Column(name="conditions", field="conditions_text", in_header=True, empty=""),
        *TRANSLATED,
    )

    def apply(self, draft: Draft[Achievement]) -> None:
        super().apply(draft)
        translate(draft)

    def store(self, drafts: Sequence[Draft[Achievement]]) -> None:
        for draft in drafts:
            save_achievement(draft.fact)
            if draft.before is None and NUMBER.name in draft.values:
                continue_numbering(Achievement)
