"""Users, who are learners, instructors and administrators by their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from tms import language
from tms.access import Role, ScopedQuerySet
from tms.models.base import Fact, validate_time_zone
from tms.models.organizations import Organization

if TYPE_CHECKING:
    from datetime import datetime


def normalize_email(email: str) -> str:
    """Trimmed and lower-cased: the one spelling under which a person is known here and at a provider."""
    return email.strip().lower()


class UserManager(BaseUserManager["User"].from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = User(email=normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        user: User = self.get(email=normalize_email(username or ""))
        return user


class User(Fact, AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is the login, and what a badge provider knows the earner by.

    Only a superuser may have no organization. `participate_in_achievements` follows the organization's
    switch; `opted_out_at` is the learner's own decision and always wins.
    """

    email = models.EmailField(
        _("e-mail"),
        max_length=254,
        unique=True,
        error_messages={"unique": _("Another user has this e-mail address.")},
    )
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    organization = models.ForeignKey(
        Organization,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="users",
        verbose_name=_("organization"),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=_("Empty: the organization's."),
    )
    language = models.CharField(
        _("language"),
        max_length=16,
        blank=True,
        default="",
        db_default="",
        choices=language.choices,
        help_text=_("Empty: as the browser asks for."),
    )
    # What a provider knows the person by. Random, so that two sites sharing an account never collide.
    earner_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    participate_in_achievements = models.BooleanField(_("Participate in Achievements"), default=True)
    opted_out_at = models.DateTimeField(_("opted out"), null=True, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    # Nothing personal is left, for good (tms.closing).
    closed_at = models.DateTimeField(_("account closed"), null=True, editable=False)
    is_demo = models.BooleanField(default=False, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["last_name", "first_name", "id"]
        indexes = [models.Index(fields=["last_name", "first_name", "id"], name="people_by_name")]
        constraints = [
            # With the unique column: one person for one address, however it is typed.
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="user_email_lower_case",
                violation_error_message=_("The e-mail address is stored in lower case."),
            ),
            models.CheckConstraint(
                condition=models.Q(organization__isnull=False) | models.Q(is_superuser=True),
                name="user_has_organization",
                violation_error_message=_("A user belongs to an organization."),
            ),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    def clean(self) -> None:
        super().clean()
        self.email = normalize_email(self.email)

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name or self.email

    @property
    def zone_name(self) -> str:
        return self.time_zone or (self.organization.time_zone if self.organization else "UTC")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone_name)

    @cached_property
    def active_roles(self) -> frozenset[Role]:
        """The roles in force now; read once for each request."""
        rows = self.role_assignments.in_force(timezone.now()).values_list("role", flat=True)
        return frozenset(Role(row) for row in rows)

    @property
    def is_staff(self) -> bool:
        """Whether the stock back office opens at all; what it shows is tms.access's business."""
        return self.is_superuser or Role.ADMINISTRATOR in self.active_roles


class RoleAssignmentQuerySet(models.QuerySet["RoleAssignment"]):
    def in_force(self, moment: datetime) -> RoleAssignmentQuerySet:
        return self.filter(
            models.Q(starts_at__isnull=True) | models.Q(starts_at__lte=moment),
            models.Q(ends_at__isnull=True) | models.Q(ends_at__gt=moment),
        )


class RoleAssignment(models.Model):
    """A role of a user: permanent when neither start nor end is given."""

    user = models.ForeignKey(User, models.CASCADE, related_name="role_assignments")
    role = models.CharField(_("role"), max_length=32, choices=Role.choices)
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ends_at = models.DateTimeField(_("expires"), null=True, blank=True)

    objects = RoleAssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        constraints = [models.UniqueConstraint(fields=["user", "role"], name="one_assignment_of_a_role")]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"
