"""What decides who may earn: organizations, users and the courses that count.

A gate that opens is a change like any other: everybody concerned gets a ProgressChange in the same
transaction, so what was done long ago is looked at again. Facts of training are tms.progress's business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from tms import audit, records
from tms.errors import Conflict, DomainError
from tms.members import layout
from tms.models import Course, CourseTag, Organization, User, normalize_email
from tms.progress import changed

# What a new organization takes over from its parent.
PREFERENCES = ("enable_achievements", "participate_in_global_achievements", "allow_member_profiles")


def save_organization(
    organization: Organization, *, actor: User | None = None, said: Collection[str] = ()
) -> Organization:
    """Store an organization; a new child starts with its parent's preferences, but for those `said`.

    Switching achievements on makes all its users participants, except those who opted out themselves. Only
    superusers, and the system itself, plant or uproot a tree.
    """
    with transaction.atomic():
        before = Organization.objects.select_for_update().filter(pk=organization.pk).first()
        _refuse_a_tree_of_its_own(organization, before=before, actor=actor)
        if before is None and organization.parent:
            for name in PREFERENCES:
                if name not in said:
                    setattr(organization, name, getattr(organization.parent, name))
        _refuse_loop(organization)
        organization.full_clean()
        organization.save()
        audit.record_saved(before, organization, kind=audit.Kind.ORGANIZATION, actor=actor)
        if before is None:
            if organization.parent:
                layout.start_as(organization.parent, child=organization)
            return organization
        if organization.enable_achievements and not before.enable_achievements:
            organization.users.filter(opted_out_at__isnull=True).update(participate_in_achievements=True)
            changed(_reached_by_achievements_of(organization))
        elif (
            organization.participate_in_global_achievements and not before.participate_in_global_achievements
        ):
            changed(organization.users.all())
    return organization


def _reached_by_achievements_of(organization: Organization) -> QuerySet[User]:
    """Its own users, and outsiders whom its achievements can reach now that it is enabled."""
    reached: QuerySet[User] = User.objects.filter(
        Q(organization=organization)
        | Q(organization__enable_achievements=True, organization__participate_in_global_achievements=True)
        | Q(
            learning_records__course__organization=organization,
            learning_records__course__achievements_for_outside_organizations=True,
        )
    )
    return reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """How many users an organization has, and how many of them participate now or opted out themselves."""

    users: int
    participating: int
    opted_out: int

    @property
    def would_participate(self) -> int:
        """As soon as achievements are switched on."""
        return self.users - self.opted_out


def participation_in(organization: Organization) -> Participation:
    opted_out = Q(opted_out_at__isnull=False)
    counts = organization.users.aggregate(
        users=Count("pk"),
        participating=Count("pk", filter=Q(participate_in_achievements=True) & ~opted_out),
        opted_out=Count("pk", filter=opted_out),
    )
    return Participation(**counts)


def _refuse_a_tree_of_its_own(
    organization: Organization, *, before: Organization | None, actor: User | None
) -> None:
    was_one = before is not None and before.parent_id is None
    if organization.parent_id is None and not was_one and actor is not None and not actor.is_superuser:
        message = _("Name an organization that you manage.")
        raise DomainError("no_parent", message, fields={"parent": [message]})


def _refuse_loop(organization: Organization) -> None:
    above = organization.parent
    while above is not None:
        if above.pk == organization.pk:
            message = _("An organization cannot be below itself.")
            raise DomainError("organization_loop", message, fields={"parent": [message]})
        above = above.parent


def save_user(user: User, *, actor: User | None = None) -> User:
    """Store a user. Moving to another organization or joining in makes old records count at once.

    Who opted out is opted in by nobody else.
    """
    with transaction.atomic():
        user.email = normalize_email(user.email)
        before = User.objects.select_for_update().filter(pk=user.pk).first()
        if before and before.closed_at:
            raise Conflict("account_closed", _("This account was closed, for good. It cannot be changed."))
        if user.opted_out_at and user.participate_in_achievements:
            message = _("This learner has opted out, and that decision is the learner's own.")
            raise DomainError("opted_out", message, fields={"participate_in_achievements": [message]})
        if before:
            # Written by the learner and by signing in, perhaps since this copy was read.
            user.opted_out_at, user.last_login = before.opted_out_at, before.last_login
        if not user.password:
            user.set_unusable_password()
        user.full_clean()
        user.save()
        audit.record_saved(before, user, kind=audit.Kind.USER, actor=actor)
        if before and _gates(before) != _gates(user):
            changed([user.pk])
    return user


def store_users(users: Sequence[User], *, before: Mapping[int, User]) -> None:
    """Store validated users in bulk, with what save_user would have written for each of them.

    `before` holds the stored users by key. A user is new when its model state says so.
    """
    new = [user for user in users if user._state.adding]
    known = [user for user in users if not user._state.adding]
    for user in new:
        if not user.password:
            user.set_unusable_password()
    with transaction.atomic():
        User.objects.bulk_create(new, batch_size=records.CHUNK)
        # An upsert, since bulk_update spells every value out as a CASE and takes six times as long.
        User.objects.bulk_create(
            known,
            batch_size=records.CHUNK,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=_EDITED_IN_BULK,
        )
        if moved := [user.pk for user in known if _gates(user) != _gates(before[user.pk])]:
            changed(moved)


# Neither the password nor what a sign-in or the learner's own decision writes meanwhile.
_EDITED_IN_BULK = (
    "external_id",
    "email",
    "first_name",
    "last_name",
    "organization",
    "time_zone",
    "language",
    "participate_in_achievements",
    "is_active",
)


def _gates(user: User) -> tuple[int | None, bool]:
    return user.organization_id, user.participate_in_achievements


def opt_out(user: User) -> None:
    """“I do not want to participate in achievements”: the learner's own decision, which always wins."""
    _set_participation(user, participates=False)


def opt_in(user: User) -> None:
    _set_participation(user, participates=True)


def _set_participation(user: User, *, participates: bool) -> None:
    with transaction.atomic():
        user.opted_out_at = None if participates else timezone.now()
        user.participate_in_achievements = participates
        user.save(update_fields=["opted_out_at", "participate_in_achievements"])
        if participates:
            changed([user.pk])


def save_course(course: Course, *, tags: Iterable[CourseTag] | None = None) -> Course:
    """Store a course and, where given, its tags. Whoever has a record of it may now earn more."""
    with transaction.atomic():
        course.full_clean()
        before = Course.objects.filter(pk=course.pk).first()
        course.save()
        retagged = tags is not None and set_tags(course, tags)
        if before and (
            retagged
            or before.organization_id != course.organization_id
            or course.achievements_for_outside_organizations > before.achievements_for_outside_organizations
        ):
            changed(User.objects.filter(learning_records__course=course))
    return course


def set_tags(course: Course, tags: Iterable[CourseTag]) -> bool:
    """Replace the tags; True when that changed anything. Only inside save_course's transaction."""
    wanted = {tag.pk for tag in tags}
    if wanted == set(course.tags.values_list("pk", flat=True)):
        return False
    course.tags.set(wanted)
    return True
