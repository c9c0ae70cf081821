"""What is looked for among users and organizations. Apps above add filters in their `user_filters`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from tms.access import Action, Role
from tms.audit_find import audit_page
from tms.finding.filters import BelongsTo, Choice, Moment, Reference, Text, YesNo
from tms.finding.listing import Column, Listing, plain
from tms.finding.search import FindPage
from tms.models import Organization, User
from tms.roles import one_of_in_force

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

ORGANIZATIONS = Listing(
    columns=(
        Column(
            name="name",
            label=_("Name"),
            value=str,
            order_by=("name",),
            template="tms/finding/_organization.html",
        ),
        Column(
            name="parent",
            label=_("Parent"),
            value=lambda row: row.parent.name if row.parent else "",
            order_by=("parent__name",),
        ),
        plain("enable_achievements", _("Enable Achievements"), name="achievements", then=("name",)),
        plain(
            "participate_in_global_achievements",
            _("Participate in Global Achievements"),
            name="global",
            then=("name",),
        ),
        Column(
            name="users",
            label=_("Users"),
            value=lambda row: row.user_count,
            order_by=("user_count", "name"),
            prepare=lambda rows: rows.annotate(user_count=Count("users")),
        ),
        plain("time_zone", _("Time Zone")),
        plain("external_id", _("External ID")),
        plain("created_at", _("Created"), name="created"),
        plain("pk", _("ID"), name="id"),
    ),
    searched=("name", "external_id"),
    order_by=("name",),
)


def organizations(viewer: User) -> QuerySet[Any]:
    return Organization.objects.for_user(viewer, Action.SEE).select_related("parent")


def belongs_to(field: str) -> BelongsTo:
    """The filter **Organization** of a list whose rows have the organization's id in `field`."""
    return BelongsTo(
        name="organization",
        label=_("Organization"),
        field=field,
        rows=organizations,
        listing=CHOOSE_ORGANIZATIONS,
        title=_("Choose Organization"),
    )


def available_to(model: type[Model]) -> Reference:
    """The filter **Available to** of what may be given to organizations below its own."""

    def condition(ids: list[int]) -> Q:
        given = model._default_manager.filter(pk=OuterRef("pk"), available_to__in=ids)
        return Q(Exists(given))

    return Reference(
        name="available_to",
        label=_("Available to"),
        rows=organizations,
        listing=CHOOSE_ORGANIZATIONS,
        title=_("Choose Organization"),
        condition=condition,
    )


CHOOSE_ORGANIZATIONS = Listing(
    columns=(
        Column(name="name", label=_("Organization"), value=str, order_by=("name",)),
        *(column for column in ORGANIZATIONS.columns if column.name == "parent"),
    ),
    searched=("name", "external_id"),
    order_by=("name",),
)

USERS = Listing(
    columns=(
        Column(
            name="name",
            label=_("Name"),
            value=str,
            order_by=("last_name", "first_name"),
            template="tms/finding/_user.html",
            sorts_many=True,
        ),
        plain("email", _("E-mail")),
        Column(
            name="organization",
            label=_("Organization"),
            value=lambda row: str(row.organization or ""),
            order_by=("organization__name",),
        ),
        Column(
            name="roles",
            label=_("Roles"),
            value=lambda row: ", ".join(str(Role(each.role).label) for each in row.role_assignments.all()),
            prepare=lambda rows: rows.prefetch_related("role_assignments"),
        ),
        plain(
            "participate_in_achievements",
            _("Participate in Achievements"),
            name="participates",
            then=("last_name",),
            group=_("Achievements"),
        ),
        plain("opted_out_at", _("Opted out"), name="opted_out", group=_("Achievements")),
        Column(
            name="disabled",
            label=_("Disabled"),
            value=lambda row: not row.is_active,
            order_by=("is_active", "last_name"),
        ),
        Column(name="time_zone", label=_("Time Zone"), value=lambda row: row.time_zone),
        Column(name="language", label=_("Language"), value=lambda row: row.get_language_display()),
        plain("external_id", _("External ID")),
        plain("date_joined", _("Created"), name="joined"),
        plain("last_login", _("Last Sign-in")),
        plain("pk", _("ID"), name="id"),
    ),
    searched=("first_name", "last_name", "email"),
    order_by=("last_name", "first_name"),
)


def users(viewer: User) -> QuerySet[Any]:
    rows: QuerySet[Any] = User.objects.for_user(viewer, Action.SEE)
    return rows.select_related("organization")


CHOOSE_USERS = Listing(
    columns=(
        Column(name="student", label=_("Student"), value=str, order_by=("last_name", "first_name")),
        *(column for column in USERS.columns if column.name in {"email", "organization"}),
    ),
    searched=("first_name", "last_name", "email"),
    order_by=("last_name", "first_name"),
)


def _people(name: str, label: Any, field: str) -> Reference:
    return Reference(
        name=name,
        label=label,
        rows=users,
        listing=CHOOSE_USERS,
        title=_("Choose User(s)"),
        condition=lambda ids: Q(**{f"{field}__in": ids}),
    )


FINDS = (
    FindPage(
        name="users",
        title=_("Find Users"),
        listing=USERS,
        rows=users,
        filters=(
            Text(name="name", label=_("Name"), fields=("first_name", "last_name")),
            Text(name="email", label=_("E-mail"), fields=("email",)),
            Text(name="external_id", label=_("External ID"), fields=("external_id",)),
            belongs_to("organization"),
            Choice(name="role", label=_("Role"), choices=tuple(Role.choices), condition=one_of_in_force),
            YesNo(name="disabled", label=_("Disabled"), condition=Q(is_active=False)),
            YesNo(
                name="participates",
                label=_("Participate in Achievements"),
                condition=Q(participate_in_achievements=True),
            ),
            YesNo(name="opted_out", label=_("Opted out"), condition=Q(opted_out_at__isnull=False)),
            Moment(name="joined", label=_("Created"), field="date_joined"),
            Moment(name="last_login", label=_("Last Sign-in"), field="last_login", nullable=True),
        ),
        shown=("name", "email", "organization", "roles", "participates"),
        preset="name=&disabled=not",
        opened=("name",),
        icon="users",
        actions="tms/finding/_create_user.html",
        row_actions="tms/finding/_user_actions.html",
        more_filters="user_filters",
    ),
    FindPage(
        name="organizations",
        title=_("Find Organizations"),
        listing=ORGANIZATIONS,
        rows=organizations,
        filters=(
            Text(name="name", label=_("Name"), fields=("name",)),
            Text(name="external_id", label=_("External ID"), fields=("external_id",)),
            belongs_to("pk"),
            YesNo(name="achievements", label=_("Enable Achievements"), condition=Q(enable_achievements=True)),
            YesNo(
                name="global",
                label=_("Participate in Global Achievements"),
                condition=Q(participate_in_global_achievements=True),
            ),
            Moment(name="created", label=_("Created"), field="created_at"),
        ),
        shown=("name", "parent", "achievements", "global", "users"),
        opened=("name",),
        icon="building-2",
        actions="tms/finding/_create_organization.html",
        row_actions="tms/finding/_organization_actions.html",
    ),
    audit_page(
        about_people=(
            _people("who", _("Who"), "actor"),
            _people("about", _("Student"), "about"),
            belongs_to("organization"),
        )
    ),
)
USERS_PAGE, ORGANIZATIONS_PAGE, AUDIT_PAGE = FINDS
