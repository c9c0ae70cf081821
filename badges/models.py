"""What can be issued, and the life of each issued badge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from badges.status import (
    ACCOUNT_CLOSED,
    ACCOUNT_SILENT,
    AT_PROVIDER,
    HELD_ACCOUNT_PAUSED,
    LIVE,
    PRESENTABLE,
    Status,
    label,
)
from providers.models import BadgeProvider
from tms.access import ScopedQuerySet
from tms.models import Organization, Translated
from tms.models.base import Fact

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class Badge(Translated, Fact):
    """One template of one provider account. Written by badges.catalogue; archived rather than deleted."""

    class TemplateState(models.TextChoices):
        UNSEEN = "unseen", _("Not synchronized yet")
        LIVE = "live", _("Active at the provider")
        ARCHIVED = "archived", _("Archived at the provider")
        GONE = "gone", _("Gone at the provider")

    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    badge_provider = models.ForeignKey(
        BadgeProvider, models.PROTECT, related_name="badges", verbose_name=_("badge provider")
    )
    template_id = models.CharField(_("badge provider template ID"), max_length=200)
    image_url = models.URLField(_("image"), max_length=500, blank=True)
    is_active = models.BooleanField(_("Is active"), default=False)
    enable_manual_issuance = models.BooleanField(_("Enable Manual Issuance"), default=False)
    expires_after_days = models.PositiveIntegerField(
        _("expires after (days)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(36_500)],
        help_text=_("Counted from the day it was earned. Empty: as the provider's template says."),
    )
    available_to = models.ManyToManyField(
        Organization, blank=True, related_name="+", verbose_name=_("availability")
    )

    # What the last synchronization saw.
    template_state = models.CharField(
        _("template"),
        max_length=10,
        choices=TemplateState.choices,
        default=TemplateState.UNSEEN,
        editable=False,
    )
    template_url = models.URLField(_("page of the template"), max_length=500, blank=True, editable=False)
    template_data = models.JSONField(default=dict, blank=True, editable=False)
    allows_duplicates = models.BooleanField(_("template allows duplicates"), default=False, editable=False)
    synchronized_at = models.DateTimeField(_("synchronized"), null=True, editable=False)

    class Meta:
        verbose_name = _("badge")
        verbose_name_plural = _("badges")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["badge_provider", "template_id"],
                name="one_badge_of_a_template",
                violation_error_message=_("This provider account already has a badge of this template."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class BadgeArtwork(models.Model):
    """A copy of the picture that lies at a badge's address. Written by badges.artwork.

    `content` is a PNG; empty where there is none that can be kept, and `problem` says why.
    """

    badge = models.OneToOneField(
        Badge, models.CASCADE, primary_key=True, related_name="artwork", verbose_name=_("badge")
    )
    address = models.URLField(_("address"), max_length=500)
    content = models.BinaryField(default=b"")
    digest = models.CharField(max_length=64, blank=True)
    problem = models.TextField(_("problem"), blank=True)
    looked_at = models.DateTimeField(_("looked at"))

    class Meta:
        verbose_name = _("picture of a badge")
        verbose_name_plural = _("pictures of badges")

    def __str__(self) -> str:
        return self.address


class IssuedBadge(models.Model):
    """One learner, one badge: the intent to issue it, and what became of it.

    `status` is written by badges.lifecycle alone. `source_kind` and `source_key` name what led to it
    without a foreign key, since achievements and rosters lie above this app.
    """

    class Priority(models.IntegerChoices):
        MANUAL = 0, _("by hand")
        LIVE = 10, _("earned")
        BACKFILL = 20, _("backfill")

    class Source(models.TextChoices):
        ACHIEVEMENT = "achievement", _("Achievement")
        ROSTER = "roster", _("Class roster")
        COURSE_ASSIGNMENT = "course_assignment", _("Course assignment")
        LIST = "list", _("List")
        BACK_OFFICE = "back_office", _("Back office")
        API = "api", _("API")
        COMMAND = "command", _("Command")

    # No index of its own: without statistics PostgreSQL finds a pair by it, and reads every learner's row.
    badge = models.ForeignKey(
        Badge, models.PROTECT, related_name="issued_badges", db_index=False, verbose_name=_("badge")
    )
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="issued_badges", verbose_name=_("learner")
    )
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.QUEUED)
    hold_reason = models.CharField(max_length=200, blank=True)

    source_kind = models.CharField(_("source"), max_length=20, choices=Source.choices)
    source_key = models.CharField(max_length=60, blank=True)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("issued by")
    )
    reason = models.TextField(_("reason"), blank=True)
    priority = models.SmallIntegerField(_("priority"), choices=Priority.choices, default=Priority.LIVE)
    suppress_notification = models.BooleanField(default=False)

    earned_at = models.DateTimeField(_("earned"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    # [{"name", "description", "url"}], given by whoever issued it by hand.
    evidence = models.JSONField(_("evidence"), default=list, blank=True)
    # The one that it takes the place of: renewed after it had expired.
    replaces = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="replaced_by", verbose_name=_("replaces")
    )
    recipient_email = models.CharField(_("recipient"), max_length=254)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    issued_at = models.DateTimeField(_("issued"), null=True)

    external_uuid = models.CharField(_("external UUID"), max_length=100, blank=True)
    external_state = models.CharField(_("external state"), max_length=40, blank=True)
    external_url = models.URLField(max_length=500, blank=True)
    accept_url = models.URLField(max_length=500, blank=True)

    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    claim_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    lookups_missed = models.PositiveSmallIntegerField(default=0)
    lookups_failed = models.PositiveSmallIntegerField(default=0)
    # Set while the names, address or expiry of today have yet to reach the provider.
    correction_due_at = models.DateTimeField(null=True)
    correction_includes_email = models.BooleanField(default=False, db_default=False)
    correction_problem = models.TextField(_("result of the correction"), blank=True)
    # Set while the provider is to erase what it has (badges.errands).
    erasure_due_at = models.DateTimeField(null=True)
    # A wish to take it back, until it can be: a row that is being sent waits for its outcome (badges.ending).
    revoke_asked_at = models.DateTimeField(_("to be revoked since"), null=True)
    revoke_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    ended_reason = models.TextField(_("reason of the end"), blank=True)
    # Cancelled because all that had led to it was taken back: it stands in the way of no other.
    was_undone = models.BooleanField(default=False, db_default=False, editable=False)

    failure_code = models.CharField(_("failure code"), max_length=40, blank=True)
    failure_message = models.TextField(_("failure"), blank=True)
    provider_message = models.TextField(_("provider's words"), blank=True)
    # Set where the provider had it before we asked: why it would not issue it, in its own words or ours.
    already_there = models.TextField(_("there already"), blank=True, db_default="")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("issued badge")
        verbose_name_plural = _("issued badges")
        ordering = ["-created_at", "-id"]
        constraints = [
            # Exactly once, part one: one intent. Part two is the look-up before any resend (badges.delivery).
            models.UniqueConstraint(
                fields=["badge", "learner"], name="one_live_issue", condition=models.Q(status__in=LIVE)
            ),
            # One badge at the provider stands for one row of ours, also where two processes look at once.
            models.UniqueConstraint(
                fields=["badge", "external_uuid"],
                name="one_row_of_a_provider_badge",
                condition=~models.Q(external_uuid=""),
            ),
        ]
        indexes = [
            models.Index(fields=["badge", "learner"], name="issued_pairs"),
            # Whose turn it is: see badges.fairness.
            models.Index(
                fields=["status", "badge", "priority", "due_at", "id"],
                name="issues_in_line",
                condition=models.Q(status__in=[Status.QUEUED, Status.UNKNOWN, Status.REVOKING]),
            ),
            models.Index(
                fields=["status", "due_at"],
                name="issues_open",
                condition=models.Q(status__in=[Status.SENDING, Status.UNKNOWN, Status.REVOKING, Status.HELD]),
            ),
            models.Index(
                fields=["failure_code"], name="issues_failed", condition=models.Q(status=Status.FAILED)
            ),
            models.Index(fields=["external_uuid"], name="issued_by_external_uuid"),
            # The newest first, as people look for them, and how many there are of each badge (badges.finds).
            models.Index(fields=["created_at", "id"], name="issued_by_time"),
            models.Index(
                fields=["badge"], name="issued_of_badge", condition=models.Q(status__in=AT_PROVIDER)
            ),
            models.Index(
                fields=["correction_due_at"],
                name="issues_to_correct",
                condition=models.Q(correction_due_at__isnull=False),
            ),
            *(
                models.Index(fields=[moment], name=name, condition=models.Q(**{f"{moment}__isnull": False}))
                for moment, name in (
                    ("erasure_due_at", "issues_to_erase"),
                    ("revoke_asked_at", "issues_to_revoke"),
                )
            ),
            models.Index(
                fields=["expires_at"],
                name="issues_to_expire",
                condition=models.Q(expires_at__isnull=False, status__in=[Status.ISSUED, Status.ACCEPTED]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.badge} – {self.learner}"

    @property
    def reference(self) -> UUID:
        """Our stable id of this intent for providers that store one."""
        return uuid5(self.learner.earner_id, str(self.pk))

    @property
    def issued_status(self) -> _StrPromise | str:
        return label(
            Status(self.status),
            provider=self.badge.badge_provider.get_kind_display(),
            hold_reason=self.hold_reason,
            external_state=self.external_state,
            attempts=self.attempts,
            obstacle=self._obstacle(),
        )

    @property
    def is_presentable(self) -> bool:
        """Whether its learner may show it to others as hers."""
        return self.status in PRESENTABLE and self.erasure_due_at is None

    def _obstacle(self) -> str:
        """Why the account is not called now; empty when it is."""
        provider = self.badge.badge_provider
        if provider.paused_at:
            return HELD_ACCOUNT_PAUSED
        if provider.broken_until:
            return ACCOUNT_SILENT
        if provider.closed_until and provider.closed_until > timezone.now():
            return ACCOUNT_CLOSED
        return ""


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


class _CredlyBadges(models.Manager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ScopedQuerySet[CredlyBadge]:
        rows: ScopedQuerySet[CredlyBadge] = super().get_queryset()
        return rows.filter(badge__badge_provider__kind=BadgeProvider.Kind.CREDLY)


class CredlyBadge(IssuedBadge):
    """A badge issued through Credly, as the back office lists them."""

    objects: ClassVar[Any] = _CredlyBadges()

    class Meta:
        proxy = True
        verbose_name = _("Credly badge")
        verbose_name_plural = _("Credly badges")


class _AccredibleBadges(models.Manager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ScopedQuerySet[AccredibleBadge]:
        rows: ScopedQuerySet[AccredibleBadge] = super().get_queryset()
        return rows.filter(badge__badge_provider__kind=BadgeProvider.Kind.ACCREDIBLE)


class AccredibleBadge(IssuedBadge):
    """A badge issued through Accredible, as the back office lists them."""

    objects: ClassVar[Any] = _AccredibleBadges()

    class Meta:
        proxy = True
        verbose_name = _("Accredible badge")
        verbose_name_plural = _("Accredible badges")


class IssuingEvent(models.Model):
    """One move of an issued badge: its timeline and the audit. Append-only; written by lifecycle.move."""

    issued_badge = models.ForeignKey(IssuedBadge, models.CASCADE, related_name="events")
    at = models.DateTimeField(db_default=Now())
    from_status = models.CharField(max_length=12, choices=Status.choices)
    to_status = models.CharField(max_length=12, choices=Status.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("timeline")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.get_from_status_display()} → {self.get_to_status_display()}"


class IssuingAct(models.Model):
    """What somebody asked for by hand at once: some badges for some learners. Written by badges.by_hand.

    `token` is chosen by whoever asks before asking, so that asking twice is one act. `organization` is the
    badges' own where they have one in common, else that of the actor: its administrators may undo the act.
    """

    token = models.UUIDField(unique=True, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("issued by")
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, related_name="+", verbose_name=_("organization")
    )
    source_kind = models.CharField(_("source"), max_length=20, choices=IssuedBadge.Source.choices)
    source_key = models.CharField(max_length=60, blank=True)
    file_name = models.CharField(_("file"), max_length=200, blank=True)
    reason = models.TextField(_("note"), blank=True)
    issued_at = models.DateTimeField(_("date of issue"), null=True)
    expires_at = models.DateTimeField(_("expires"), null=True)
    evidence = models.JSONField(_("evidence"), default=list)
    created_at = models.DateTimeField(_("asked for"), db_default=Now())
    undone_at = models.DateTimeField(_("undone"), null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("undone by"),
    )
    undo_reason = models.TextField(_("reason of undoing it"), blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("act of issuing")
        verbose_name_plural = _("acts of issuing")
        ordering = ["-id"]
        indexes = [models.Index(fields=["source_kind", "source_key"], name="acts_by_source")]

    def __str__(self) -> str:
        return f"{self.get_source_kind_display()} {timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"


class ActOutcome(models.Model):
    """What an act came to for one pair, as a value of badges.issuing.Outcome. Append-only.

    `issued_badge` is what the pair has, also where it was there before the act and refused it: whether the
    act itself stands behind it, `code` says.
    """

    act = models.ForeignKey(IssuingAct, models.CASCADE, related_name="outcomes", db_index=False)
    # Its place in the act; the number of the row where it came from a list.
    position = models.PositiveIntegerField(_("row"))
    badge = models.ForeignKey(Badge, models.PROTECT, related_name="+", verbose_name=_("badge"))
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("learner")
    )
    issued_badge = models.ForeignKey(
        IssuedBadge,
        models.SET_NULL,
        null=True,
        related_name="outcomes",
        verbose_name=_("issued badge"),
    )
    code = models.CharField(_("outcome"), max_length=40)
    message = models.TextField(_("message"), blank=True)
    # The act tried again what had failed before it: it did not bring the row about.
    is_retry = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        verbose_name = _("outcome")
        verbose_name_plural = _("outcomes")
        ordering = ["act", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["act", "badge", "learner"], name="one_outcome_of_a_pair")
        ]

    def __str__(self) -> str:
        return f"{self.badge} – {self.learner}"


class IssuingList(models.Model):
    """A list that somebody issues from, until and after it is an act (badges.lists).

    `text` is what was pasted or uploaded, `mapping` says which column means what, and `badge`, `issued_at`
    (as it was typed) and `note` count for rows that do not say otherwise. `refusals` are the rows that did
    not become part of the act, each [number, code, message], as they were told when it was confirmed. Both
    `text` and these are emptied in time (badges.forgetting).
    """

    token = models.UUIDField(unique=True, default=uuid4, editable=False)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    organization = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    file_name = models.CharField(_("file"), max_length=200, blank=True)
    text = models.TextField(_("list"))
    mapping = models.JSONField(_("columns"), default=dict)
    badge = models.ForeignKey(Badge, models.PROTECT, null=True, blank=True, related_name="+")
    issued_at = models.CharField(_("date of issue"), max_length=40, blank=True)
    note = models.TextField(_("note"), blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    act = models.OneToOneField(IssuingAct, models.SET_NULL, null=True, related_name="list")
    refusals = models.JSONField(default=list)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("list")
        verbose_name_plural = _("lists")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.file_name or f"{timezone.localtime(self.created_at):%Y-%m-%d %H:%M}"


class Synchronization(models.Model):
    """One look at all templates of an account, and what it changed or would change. Append-only.

    `changes` is a list of {"change", "template_id", "name", "badge", "details"}; `problem` says why it ended
    early, in which case nothing was changed.
    """

    badge_provider = models.ForeignKey(BadgeProvider, models.CASCADE, related_name="synchronizations")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    is_dry_run = models.BooleanField(_("dry run"), default=False)
    at = models.DateTimeField(_("time"), db_default=Now())
    seconds = models.FloatField(_("seconds"), default=0)
    seen = models.PositiveIntegerField(_("templates seen"), default=0)
    changes = models.JSONField(_("changes"), default=list)
    problem = models.TextField(_("problem"), blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("synchronization")
        verbose_name_plural = _("synchronizations")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.badge_provider} {timezone.localtime(self.at):%Y-%m-%d %H:%M}"


class ProviderEvent(models.Model):
    """What a provider told us happened, stored before anything is done with it (badges.provider_events).

    `told` is what arrived, `read` what we fetched back with our own token: only the latter is acted on. It
    waits until `processed_at` is set. `due_at` is also the end of a claim, and `attempts` tells a claim from
    the next.
    """

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Ignored")
        GIVEN_UP = "given_up", _("Given up")

    badge_provider = models.ForeignKey(BadgeProvider, models.CASCADE, related_name="events")
    external_id = models.CharField(_("event ID"), max_length=100)
    kind = models.CharField(_("kind"), max_length=60)
    occurred_at = models.DateTimeField(_("occurred"), null=True)
    received_at = models.DateTimeField(_("received"), db_default=Now())
    told = models.JSONField(default=dict)
    read = models.JSONField(default=dict)
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    processed_at = models.DateTimeField(_("processed"), null=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)
    result = models.TextField(_("result"), blank=True)
    issued_badge = models.ForeignKey(
        IssuedBadge,
        models.SET_NULL,
        null=True,
        related_name="provider_events",
        verbose_name=_("issued badge"),
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["badge_provider", "external_id"], name="one_row_of_a_provider_event"
            )
        ]
        indexes = [
            models.Index(
                fields=["badge_provider", "due_at"],
                name="events_to_process",
                condition=models.Q(processed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class Comparison(models.Model):
    """One look at all badges of an account, and how many of them agree with ours. Append-only.

    `active_at` moves with every page, so that one whose worker died is told from one that takes long. A
    `problem` says why it ended early: what it had not reached by then is as the comparison before left it.
    """

    badge_provider = models.ForeignKey(
        BadgeProvider, models.CASCADE, related_name="comparisons", verbose_name=_("badge provider")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked for by")
    )
    started_at = models.DateTimeField(_("started"))
    active_at = models.DateTimeField(_("active"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    seen = models.PositiveIntegerField(_("badges at the provider"), default=0)
    matched = models.PositiveIntegerField(_("of them issued here"), default=0)
    followed = models.PositiveIntegerField(_("brought up to date"), default=0)
    differences = models.PositiveIntegerField(_("differences"), default=0)
    problem = models.TextField(_("problem"), blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("comparison")
        verbose_name_plural = _("comparisons")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["badge_provider"],
                name="one_comparison_at_a_time",
                condition=models.Q(finished_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.badge_provider} {self.started_at:%Y-%m-%d %H:%M}"


class Difference(models.Model):
    """Where an account and our record of it disagree, until both say the same (badges.comparison).

    `external_uuid` names the provider's badge. `badge` and `learner` are whose it is as far as we know them;
    `details` tell what the provider has, without naming anybody. One that a person ignored stays open and
    is not shown, until both agree.
    """

    class Kind(models.TextChoices):
        MISSING = "missing", _("Issued here, not at the provider")
        UNEXPECTED = "unexpected", _("At the provider, not issued here")
        STATE = "state", _("Another state at the provider")
        PERSON = "person", _("Another address at the provider")
        TWICE = "twice", _("More than once at the provider")

    badge_provider = models.ForeignKey(
        BadgeProvider, models.CASCADE, related_name="differences", verbose_name=_("badge provider")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    badge = models.ForeignKey(Badge, models.CASCADE, null=True, related_name="+", verbose_name=_("badge"))
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("learner")
    )
    issued_badge = models.ForeignKey(
        IssuedBadge,
        models.CASCADE,
        null=True,
        related_name="differences",
        verbose_name=_("issued badge"),
    )
    external_uuid = models.CharField(_("external UUID"), max_length=100, blank=True)
    details = models.JSONField(_("details"), default=dict)
    found_at = models.DateTimeField(_("found"), db_default=Now())
    seen_at = models.DateTimeField(_("seen last"), db_default=Now())
    ignored_at = models.DateTimeField(_("ignored"), null=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("decided by")
    )
    # Why it is ignored, or how it ended.
    decision = models.TextField(_("decision"), blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["issued_badge", "kind", "external_uuid"],
                name="one_open_difference",
                condition=models.Q(resolved_at__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["badge_provider", "kind", "external_uuid"],
                name="one_open_difference_of_a_stranger",
                condition=models.Q(resolved_at__isnull=True, issued_badge__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["badge_provider", "external_uuid"],
                name="differences_open",
                condition=models.Q(resolved_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.external_uuid}"
