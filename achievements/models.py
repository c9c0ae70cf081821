"""Achievements, their rules, and who has earned what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from badges.models import Badge, IssuedBadge
from tms.access import ScopedQuerySet
from tms.models import Organization, Translated
from tms.models.base import Fact

if TYPE_CHECKING:
    from typing import Self


class Achievement(Translated, Fact):
    """Written by achievements.authoring, which reads and checks the conditions.

    `full_run_due_at` asks for an evaluation over everybody (new, edited, enabled, or failed for a batch),
    `issuing_due_at` for a search of learners who earned it and lack its badge; both tell since when, so that
    whoever has done the work clears only the request that it answered. `paused_at` is set by the system
    after a rule has failed too often, or while it names what is `gone` (achievements.references), and cleared
    when somebody saves it again.
    """

    class FrequencyType(models.TextChoices):
        PER_USER = "per_user", _("Per User")
        PER_DAY = "per_day", _("Per Day")
        PER_ACHIEVEMENT = "per_achievement", _("Per Achievement")

    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    organization = models.ForeignKey(Organization, models.PROTECT, verbose_name=_("organization"))
    category = models.CharField(_("category"), max_length=60, blank=True)
    points = models.PositiveIntegerField(_("points"), default=0)
    frequency = models.PositiveIntegerField(_("frequency"), default=1, validators=[MinValueValidator(1)])
    frequency_type = models.CharField(
        _("frequency type"), max_length=16, choices=FrequencyType.choices, default=FrequencyType.PER_USER
    )
    badge = models.ForeignKey(
        Badge, models.PROTECT, null=True, blank=True, related_name="achievements", verbose_name=_("badge")
    )
    is_renewable = models.BooleanField(
        _("Renewable"),
        default=False,
        help_text=_("Once its badge has expired it can be earned anew, by what is done after that."),
    )
    is_global = models.BooleanField(_("global"), default=False)
    enabled = models.BooleanField(_("enabled"), default=True)
    conditions_text = models.TextField(_("conditions"), blank=True)
    conditions = models.JSONField(default=list, editable=False)
    language_version = models.PositiveSmallIntegerField(default=1, editable=False)
    rule_version = models.PositiveIntegerField(_("rule version"), default=0, editable=False)

    full_run_due_at = models.DateTimeField(null=True, editable=False)
    issuing_due_at = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(_("last error"), blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)
    failed_runs = models.PositiveSmallIntegerField(_("failed runs"), default=0, editable=False)
    paused_at = models.DateTimeField(_("paused"), null=True, editable=False)
    gone = models.JSONField(default=dict, editable=False)

    class Meta:
        verbose_name = _("achievement")
        verbose_name_plural = _("achievements")
        ordering = ["name", "id"]
        indexes = [
            models.Index(
                fields=["id"], name="achievements_to_run", condition=models.Q(full_run_due_at__isnull=False)
            ),
            models.Index(
                fields=["id"], name="achievements_to_issue", condition=models.Q(issuing_due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RuleVersion(models.Model):
    """The rule of an achievement as it once was; an award names the number. Append-only."""

    achievement = models.ForeignKey(Achievement, models.CASCADE, related_name="rule_versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    conditions = models.JSONField()
    language_version = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["achievement", "number"], name="one_rule_of_a_version")
        ]

    def __str__(self) -> str:
        return f"{self.achievement} v{self.number}"


class RuleRun(models.Model):
    """One evaluation of a rule that awarded something, failed, or looked at everybody. Append-only.

    Rules of one shape are evaluated by one statement: `seconds` is that statement's time, `shared_by` how
    many rules it was for.
    """

    achievement = models.ForeignKey(Achievement, models.CASCADE, related_name="runs")
    started_at = models.DateTimeField()
    seconds = models.FloatField()
    shared_by = models.PositiveIntegerField(default=1)
    looked_at = models.PositiveIntegerField(_("learners looked at"))
    awarded = models.PositiveIntegerField(_("awarded"))
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-started_at", "-id"]
        indexes = [models.Index(fields=["achievement", "-started_at"], name="runs_of_rule")]

    def __str__(self) -> str:
        return f"{self.achievement} @ {self.started_at:%Y-%m-%d %H:%M:%S}"


class BackfillQuerySet(ScopedQuerySet["Backfill"]):
    def open(self) -> Self:
        return self.filter(state__in=Backfill.OPEN)

    def left_alone(self) -> set[int]:
        """Ids of the achievements that are not to be looked at for everybody by anything else: a backfill
        is open, or was the last and has been undone under the rule that still stands."""
        latest = self.order_by().values("achievement").annotate(latest=models.Max("pk")).values("latest")
        same_rule = models.Q(state=Backfill.State.UNDONE, rule_version=models.F("achievement__rule_version"))
        found = self.filter(same_rule | models.Q(state__in=Backfill.OPEN), pk__in=latest)
        return set(found.values_list("achievement", flat=True))

    def undone(self) -> Self:
        """Those that took something back."""
        return self.filter(state=Backfill.State.UNDONE, withdrawn__gt=0)


class Backfill(models.Model):
    """One look of a rule at everybody there is, told to learners as somebody chose (achievements.backfill).

    It answers what `Achievement.full_run_due_at` asked at `asked_at`; a later request starts it anew.
    `cursor` is the id of the last learner looked at, and `looked_at` of `learners` is how far it is.
    `awarded` counts what it has given, `withdrawn` what of that was taken back by undoing it.
    """

    class Notification(models.TextChoices):
        SILENT = "silent", _("Silent")
        SUMMARY = "summary", _("One summary for each learner")
        NORMAL = "normal", _("A message for each award")

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        DONE = "done", _("Done")
        UNDONE = "undone", _("Undone")

    OPEN = (State.RUNNING, State.PAUSED)

    achievement = models.ForeignKey(
        Achievement, models.CASCADE, related_name="backfills", verbose_name=_("achievement")
    )
    rule_version = models.PositiveIntegerField(_("rule version"))
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    notification = models.CharField(
        _("notification"), max_length=8, choices=Notification.choices, default=Notification.SUMMARY
    )
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.RUNNING)
    cursor = models.BigIntegerField(default=0)
    learners = models.PositiveIntegerField(_("learners"), default=0)
    looked_at = models.PositiveIntegerField(_("learners looked at"), default=0)
    awarded = models.PositiveIntegerField(_("awarded"), default=0)
    intents = models.PositiveIntegerField(_("badges to issue"), default=0)
    withdrawn = models.PositiveIntegerField(_("withdrawn"), default=0)
    asked_at = models.DateTimeField()
    created_at = models.DateTimeField(_("created"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)
    undone_at = models.DateTimeField(_("undone"), null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("undone by")
    )
    undo_reason = models.TextField(_("reason"), blank=True)

    objects = BackfillQuerySet.as_manager()

    class Meta:
        verbose_name = _("backfill")
        verbose_name_plural = _("backfills")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["achievement"],
                name="one_open_backfill",
                condition=models.Q(state__in=["running", "paused"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.achievement} v{self.rule_version}"

    @property
    def earned(self) -> int:
        """The awards that came from it and stand."""
        return self.awarded - self.withdrawn

    @property
    def standing(self) -> str:
        """What pages show of it; another as soon as there is something new."""
        return f"{self.state}.{self.looked_at}.{self.learners}.{self.earned}.{self.intents}"


class EarnedAchievement(models.Model):
    """A record, never a live computation: who earned what, when the threshold was crossed, and by what.

    `earned_day` is the learner's own day. `occurrence` counts from 1 for achievements that may be earned more
    than once. `snapshot` is `{"conditions": [{"needed": n, "have": n, "records": [ids]}]}`: ids of learning
    records or, where achievements are counted, of awards.
    """

    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="earned_achievements",
        db_index=False,
        verbose_name=_("learner"),
    )
    achievement = models.ForeignKey(
        Achievement, models.PROTECT, related_name="earned", verbose_name=_("achievement")
    )
    occurrence = models.PositiveIntegerField(default=1)
    earned_at = models.DateTimeField(_("earned"))
    earned_day = models.DateField()
    points = models.PositiveIntegerField(_("points"))
    rule_version = models.PositiveIntegerField(_("rule version"))
    snapshot = models.JSONField(default=dict)
    issued_badge = models.ForeignKey(
        IssuedBadge,
        models.SET_NULL,
        null=True,
        related_name="earned_achievements",
        verbose_name=_("issued badge"),
    )
    # The run over everybody that made it; none where the learner's own progress did.
    backfill = models.ForeignKey(
        Backfill, models.SET_NULL, null=True, related_name="awards", db_index=False, editable=False
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True)
    created_at = models.DateTimeField(_("recorded"), db_default=Now())

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("earned achievement")
        verbose_name_plural = _("earned achievements")
        ordering = ["-earned_at", "-id"]
        constraints = [
            # The learner comes first: evaluation runs in chunks of learners and must not read all awards.
            models.UniqueConstraint(fields=["learner", "achievement", "occurrence"], name="earned_once")
        ]
        indexes = [
            models.Index(
                fields=["backfill"], name="awards_of_backfill", condition=models.Q(backfill__isnull=False)
            ),
            # Rules over points and achievements read this alone.
            models.Index(
                fields=["learner", "earned_at", "id"],
                include=["points", "achievement"],
                name="awards_that_count",
                condition=models.Q(withdrawn_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.learner}: {self.achievement}"


class Look(models.Model):
    """Somebody looks at how far this learner is: herself, or whoever administers her (achievements.progress).

    Progress is worked out for nobody else. `asked` counts the reasons to do so, a fact, an award, a rule that
    was edited; `answered` is how many of them `Begun` accounts for, so that a reason which comes up while it
    is worked out is never lost. `as_of` is when that was.
    """

    learner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True)
    looked_at = models.DateTimeField()
    asked = models.PositiveBigIntegerField(default=1)
    answered = models.PositiveBigIntegerField(default=0)
    as_of = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["looked_at"],
                name="looks_to_answer",
                condition=models.Q(asked__gt=models.F("answered")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.learner_id} @ {self.looked_at:%Y-%m-%d %H:%M:%S}"


class Begun(models.Model):
    """An achievement that a learner has something for and has not earned, as it was when last worked out.

    `have` holds a number for each condition of that version of the rule, in text order. `percent` is rounded
    down. Written by achievements.progress.working_out and by nothing else.
    """

    learner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    achievement = models.ForeignKey(Achievement, models.CASCADE, related_name="+")
    rule_version = models.PositiveIntegerField()
    percent = models.PositiveSmallIntegerField()
    have = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["learner", "achievement"], name="begun_once")]

    def __str__(self) -> str:
        return f"{self.learner_id}: {self.achievement_id} {self.percent} %"
