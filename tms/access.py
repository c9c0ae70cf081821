"""Who may do what: roles, actions and one table that says how far each role reaches.

The same table answers both questions: `queryset.for_user(user, action)` is "which rows", and
`require(user, action, row)` is "this row?". Another organization's row is *not found*, never *forbidden*.
Each app registers where its models keep their organization and their learner (`register`, called from its
AppConfig.ready); a model that is not registered can be seen by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from tms.errors import NotFound

if TYPE_CHECKING:
    from typing import Self

    from tms.models import User

ModelT = TypeVar("ModelT", bound=models.Model)


class Role(models.TextChoices):
    ADMINISTRATOR = "administrator", _("Administrator")
    INSTRUCTOR = "instructor", _("Instructor")
    CONTRACT_INSTRUCTOR = "contract_instructor", _("Contract instructor")
    GLOBAL_ACHIEVEMENTS = "global_achievements", _("Supplemental – Global Achievements")


class Action(Enum):
    """What is done to a row."""

    SEE = "see"
    MANAGE = "manage"
    ISSUE = "issue"
    SEE_OWN = "see_own"
    # See a roster, say what became of those on it, issue badges to them.
    TEACH = "teach"


class Reach(Enum):
    """Which rows a role reaches.

    TREE: those of the user's organization and its children. SELF: the user's own. TAUGHT: those of classes
    that name the user as an instructor. TAUGHT_COLLEAGUES: of these only what is of learners of exactly the
    user's organization.
    """

    TREE = "tree"
    SELF = "self"
    TAUGHT = "taught"
    TAUGHT_COLLEAGUES = "taught_colleagues"


# action → (role, reach). A role of None is everybody who is signed in.
TABLE: dict[Action, tuple[tuple[Role | None, Reach], ...]] = {
    Action.SEE: ((Role.ADMINISTRATOR, Reach.TREE),),
    Action.MANAGE: ((Role.ADMINISTRATOR, Reach.TREE),),
    Action.ISSUE: ((Role.ADMINISTRATOR, Reach.TREE),),
    Action.SEE_OWN: ((None, Reach.SELF), (Role.ADMINISTRATOR, Reach.TREE)),
    Action.TEACH: (
        (Role.ADMINISTRATOR, Reach.TREE),
        (Role.INSTRUCTOR, Reach.TAUGHT_COLLEAGUES),
        (Role.CONTRACT_INSTRUCTOR, Reach.TAUGHT),
    ),
}


@dataclass(frozen=True)
class Paths:
    """Look-up paths from a model to the organization that owns it, to others whose administrators see it
    too, and, where it is somebody's, to that learner.

    What instructors reach hangs on a class: `training_class` leads to it, or `host` to the organization whose
    classes they teach (its badges, and those of them that their students have).
    """

    organization: str
    seen_by: tuple[str, ...] = ()
    learner: str | None = None
    training_class: str | None = None
    host: str | None = None

    def organizations(self, action: Action) -> tuple[str, ...]:
        seeing = action in {Action.SEE, Action.SEE_OWN}
        return (self.organization, *self.seen_by) if seeing else (self.organization,)


_paths: dict[type[models.Model], Paths] = {}


def register(
    model: type[models.Model],
    *,
    organization: str,
    seen_by: tuple[str, ...] = (),
    learner: str | None = None,
    training_class: str | None = None,
    host: str | None = None,
) -> None:
    _paths[model] = Paths(organization, seen_by, learner, training_class, host)


def owner_path(model: type[models.Model]) -> str:
    """The look-up from a model to the organization that owns its rows."""
    return _paths[model].organization


_TREE = """
    WITH RECURSIVE tree(id) AS (
        SELECT root.id FROM tms_organization root WHERE root.id = %s
        UNION
        SELECT child.id FROM tms_organization child JOIN tree ON child.parent_id = tree.id
    )
    SELECT id FROM tree
"""


def organization_tree(root_id: int) -> RawSQL:
    """Ids of an organization and everything below it, as a subquery for `…__in`."""
    return RawSQL(_TREE, [root_id])


_TAUGHT = "SELECT taught.class_id FROM tms_class_instructors taught WHERE taught.user_id = %s"
_HOSTS = f"SELECT host.organization_id FROM tms_class host WHERE host.id IN ({_TAUGHT})"
_STUDENTS = f"""
    SELECT enrollment.user_id FROM tms_enrollment enrollment
    WHERE enrollment.status IN ('enrolled', 'audit') AND enrollment.training_class_id IN ({_TAUGHT})
"""


def _taught(paths: Paths, user: User, *, colleagues_alone: bool) -> models.Q | None:
    """The rows that hang on a class which the user teaches; None where rows of this kind never do."""
    if paths.training_class:
        reached = models.Q(**{f"{paths.training_class}__in": RawSQL(_TAUGHT, [user.pk])})
    elif paths.host:
        reached = models.Q(**{f"{paths.host}__in": RawSQL(_HOSTS, [user.pk])})
        if paths.learner:
            reached &= models.Q(**{f"{paths.learner}__in": RawSQL(_STUDENTS, [user.pk])})
    else:
        return None
    if paths.learner and colleagues_alone:
        reached &= models.Q(**{f"{paths.learner}__organization": user.organization_id})
    return reached


def reachable(model: type[models.Model], user: User, action: Action) -> models.Q:
    """The rows of `model` that `user` reaches for `action`, as a filter."""
    nothing = models.Q(pk__in=[])
    if not user.is_active:
        return nothing
    if user.is_superuser:
        return ~nothing  # not an empty one: “or” would pass over that
    paths = _paths.get(model)
    if paths is None:
        return nothing
    reached = nothing
    for role, reach in TABLE[action]:
        if role is not None and role not in user.active_roles:
            continue
        if reach is Reach.TREE and user.organization_id:
            for path in paths.organizations(action):
                reached |= models.Q(**{f"{path}__in": organization_tree(user.organization_id)})
        elif reach is Reach.SELF and paths.learner:
            reached |= models.Q(**{paths.learner: user.pk})
        elif reach in {Reach.TAUGHT, Reach.TAUGHT_COLLEAGUES}:
            taught = _taught(paths, user, colleagues_alone=reach is Reach.TAUGHT_COLLEAGUES)
            reached |= nothing if taught is None else taught
    return reached


class ScopedQuerySet(models.QuerySet[ModelT]):
    """Every interface starts from `for_user`; an unscoped query there fails a test."""

    def for_user(self, user: User, action: Action) -> Self:
        return self.filter(reachable(self.model, user, action))


def may(user: User, action: Action) -> bool:
    """Whether any role of `user` allows `action` at all: for showing or hiding a link."""
    if not user.is_active:
        return False
    return user.is_superuser or any(
        role is None or role in user.active_roles for role, _reach in TABLE[action]
    )


def require(user: User | None, action: Action, row: models.Model) -> None:
    """Raise NotFound unless `user` reaches `row`. None is the system itself, which may do everything."""
    if user is None:
        return
    model: Any = type(row)
    if not model._default_manager.filter(reachable(model, user, action), pk=row.pk).exists():
        raise NotFound("not_found", _("Not found."))
