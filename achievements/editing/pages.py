"""The pages of one achievement: create, edit, profile, and what they ask while somebody types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, reselect, reswap, retarget, trigger_client_event

from achievements.authoring import ancestry
from achievements.conditions.things import REFERENCED
from achievements.editing import builder, sources, starters
from achievements.editing.activation import save_and_tell, ways_to_tell
from achievements.editing.choosing import badge_chooser, source_chooser, things_chooser
from achievements.editing.foresight import Foreseen
from achievements.editing.forms import AchievementForm, badges_for
from achievements.editing.profile import profile_of
from achievements.editing.understanding import names_among, understand
from achievements.models import Achievement
from achievements.preview import preview
from tms.access import Action, may
from tms.edit_page import EditPage
from tms.finding.chooser import choose, ids_of
from tms.models import Organization

if TYPE_CHECKING:
    from achievements.editing.builder import Part
    from achievements.models import Backfill
    from achievements.preview import Preview
    from tms.models import User
    from tms.pages import SignedIn


PAGE = EditPage(
    template="achievements/editing/edit.html",
    create=gettext_lazy("Create Achievement"),
    edit=gettext_lazy("Edit Achievement"),
    plural=gettext_lazy("Find Achievements"),
    found="find-achievements",
    profile="achievement",
)


@require_http_methods(["GET", "HEAD", "POST"])
def create_achievement(request: SignedIn) -> HttpResponse:
    _may_manage(request.user)
    return _edit(request, Achievement())


@require_http_methods(["GET", "HEAD", "POST"])
def edit_achievement(request: SignedIn, pk: int) -> HttpResponse:
    return _edit(request, managed(request.user, pk))


@require_safe
def achievement_profile(request: SignedIn, pk: int) -> HttpResponse:
    rows = Achievement.objects.for_user(request.user, Action.SEE)
    achievement = get_object_or_404(rows.select_related("organization", "badge__badge_provider"), pk=pk)
    context = {"achievement": achievement, "profile": profile_of(achievement)}
    return render(request, "achievements/editing/profile.html", context)


def _may_manage(user: User) -> None:
    """Whoever makes no achievements is told of no page for it."""
    if not may(user, Action.MANAGE):
        raise Http404


def is_partial(request: SignedIn) -> bool:
    """Whether the page asks that stands already, and not the browser for a new one."""
    return request.headers.get("HX-Request") == "true"


def managed(user: User, pk: int) -> Achievement:
    rows = Achievement.objects.for_user(user, Action.MANAGE)
    return get_object_or_404(rows.select_related("organization", "badge"), pk=pk)


# ── the form ─────────────────────────────────────────────────────────────────────────────────────────────


def _edit(request: SignedIn, achievement: Achievement) -> HttpResponse:
    """Where saving would lead to awards or badges at once, who would get them is shown first."""
    form = _form(request, achievement)
    if request.method != "POST":
        return _form_page(request, form)
    if "confirmed" not in request.POST and form.is_valid() and form.goes_live:
        foreseen = _foreseen(request, form)
        if foreseen and foreseen.is_anything:
            return _ask(request, form, foreseen)
    notification = request.POST.get("notification", "")
    runs: list[Backfill | None] = []
    if not form.stores(
        lambda: runs.append(save_and_tell(achievement, notification=notification, actor=request.user))
    ):
        return _form_page(request, form)
    return _saved(request, achievement, run=runs[0])


def _ask(request: SignedIn, form: AchievementForm, foreseen: Foreseen) -> HttpResponse:
    asked = {"foreseen": foreseen, "achievement": form.instance, "ways": ways_to_tell(form.instance)}
    if not is_partial(request):
        return _form_page(request, form, **asked)
    return _in_dialog(render(request, "achievements/editing/_activation.html", asked))


def _saved(request: SignedIn, achievement: Achievement, *, run: Backfill | None) -> HttpResponse:
    profile = reverse("achievement", args=[achievement.pk])
    if run and is_partial(request):
        context = {"run": run, "achievement": achievement, "profile": profile}
        return _in_dialog(render(request, "achievements/editing/_started.html", context))
    messages.success(request, _("%(achievement)s was saved.") % {"achievement": achievement})
    return HttpResponseClientRedirect(profile) if is_partial(request) else redirect(profile)


def _in_dialog(response: HttpResponse) -> HttpResponse:
    response = reswap(retarget(response, "#activation"), "innerHTML")
    return reselect(response, ".in-dialog")


def _form(request: SignedIn, achievement: Achievement) -> AchievementForm:
    """Where the rule was last changed in the builder, its text is what the builder says."""
    if request.method != "POST":
        return AchievementForm(instance=achievement, user=request.user)
    data = request.POST.copy()
    if (parts := _built(request)) is not None:
        data["conditions_text"] = builder.text_of(parts)
    return AchievementForm(data, instance=achievement, user=request.user)


def _built(request: SignedIn) -> list[Part] | None:
    return builder.parts_of_form(request.POST) if request.POST.get("edited_in") == "builder" else None


def _form_page(request: SignedIn, form: AchievementForm, **more: Any) -> HttpResponse:
    draft = form.instance
    if draft.pk is None and not form.is_bound:
        draft.organization = request.user.organization
    context: dict[str, Any] = {
        "achievement": draft,
        "understood": understand(draft, actor=request.user, parts=_built(request)),
        "starters": starters.GROUPS,
        "sources": sources.SOURCES.values(),
        "attributes": "achievements/editing/_form_attributes.html",
        **more,
    }
    name, is_new = str(form.initial.get("name", "")), draft.pk is None
    return PAGE.show(request, form, row=draft, name=name, is_new=is_new, **context)


# ── while somebody types ─────────────────────────────────────────────────────────────────────────────────


def _draft(request: SignedIn) -> AchievementForm:
    """What stands in the form, which need not be complete."""
    _may_manage(request.user)
    known = ids_of([request.POST.get("achievement", "")])
    form = _form(request, managed(request.user, known[0]) if known else Achievement())
    form.is_valid()
    return form


@require_POST
def check_conditions(request: SignedIn) -> HttpResponse:
    """What the conditions mean as they stand. `do` is what a button of the builder asks for."""
    form = _draft(request)
    parts, do, go_on_at = _built(request), request.POST.get("do", ""), ""
    if parts is not None and do.startswith(("start ", "from ")):
        parts += _begun(request, do)
        go_on_at = builder.row_id((len(parts) - 1,)) if parts else ""
    elif parts is not None and do:
        go_on_at = builder.change(parts, do=do)
    understood = understand(form.instance, actor=request.user, parts=parts)
    context = {
        "understood": understood,
        "starters": starters.GROUPS,
        "sources": sources.SOURCES.values(),
        "is_built": parts is not None,
        # While a text cannot be read the rows stay as they were.
        "is_rebuilt": bool(do) if parts is not None else not understood.unshown,
        "go_on_at": go_on_at,
    }
    return render(request, "achievements/editing/_checked.html", context)


def _begun(request: SignedIn, do: str) -> list[Part]:
    """The rows of an idea (`start lab`), or those that follow from a thing (`from learning-path 12`)."""
    verb, _space, rest = do.partition(" ")
    if verb == "start":
        return starters.parts_of(rest)
    key, _space, pk = rest.partition(" ")
    organization, ids = _organization(request), ids_of([pk])
    if organization is None or not ids:
        return []
    return sources.parts_of(key, ids[0], line=ancestry(organization), actor=request.user)


@require_POST
def preview_achievement(request: SignedIn) -> HttpResponse:
    """Who would earn it if it were saved as it stands."""
    form = _draft(request)
    context = {"form": form, "foreseen": _foreseen(request, form), "achievement": form.instance}
    return render(request, "achievements/editing/_preview.html", context)


def _foreseen(request: SignedIn, form: AchievementForm) -> Foreseen | None:
    """None where the form is refused; it then says why."""
    found: list[Preview] = []
    is_good = form.stores(lambda: found.append(preview(form.instance, actor=request.user)))
    return Foreseen(preview=found[0]) if is_good else None


# ── dialogs ──────────────────────────────────────────────────────────────────────────────────────────────


def _organization(request: SignedIn) -> Organization | None:
    """The one that the form's achievement belongs to."""
    asked = request.POST if request.method == "POST" else request.GET
    rows = Organization.objects.for_user(request.user, Action.MANAGE)
    return rows.filter(pk__in=ids_of([asked.get("organization", "")])).first()


@require_http_methods(["GET", "HEAD", "POST"])
def choose_badge(request: SignedIn) -> HttpResponse:
    _may_manage(request.user)
    chooser = badge_chooser(_organization(request), actor=request.user)
    answer = choose(request, chooser, chosen=ids_of([request.GET.get("badge", "")]))
    if isinstance(answer, HttpResponse):
        return answer
    badge = badges_for(request.user).select_related("badge_provider").filter(pk__in=answer.chosen).first()
    response = render(request, "achievements/editing/_badge_choice.html", {"badge": badge})
    response = reswap(retarget(response, "#badge-choice"), "outerHTML")
    return trigger_client_event(response, "close-dialog", after="swap")


@require_http_methods(["GET", "HEAD", "POST"])
def choose_things(request: SignedIn) -> HttpResponse:
    """The things that a row of the builder names by a key; they come back as the row's field."""
    _may_manage(request.user)
    asked = request.POST if request.method == "POST" else request.GET
    key, path = asked.get("key", ""), asked.get("row", "")
    organization = _organization(request) or request.user.organization
    if key not in REFERENCED or organization is None or not path.replace(".", "").isdecimal():
        raise Http404
    chooser = things_chooser(key, path=path, organization=organization, actor=request.user)
    chosen = ids_of(request.GET.get(f"rule.{path}.{key}", "").split("-"))
    answer = choose(request, chooser, chosen=chosen)
    if isinstance(answer, HttpResponse):
        return answer
    ids = answer.chosen
    names = {key: names_among(key, ids, line=ancestry(organization), actor=request.user)}
    control = builder.ids_control(key, path, ids, names)
    response = render(request, "achievements/editing/_ids.html", {"control": control})
    response = reswap(retarget(response, f"#{control.id}-field"), "outerHTML")
    response = trigger_client_event(response, "close-dialog", after="swap")
    return trigger_client_event(response, "conditions-built", after="settle")


@require_http_methods(["GET", "HEAD", "POST"])
def choose_source(request: SignedIn, kind: str) -> HttpResponse:
    """The thing that the builder writes conditions from."""
    _may_manage(request.user)
    source = sources.SOURCES.get(kind)
    organization = _organization(request) or request.user.organization
    if source is None:
        raise Http404
    answer = choose(request, source_chooser(source, organization=organization, actor=request.user))
    if isinstance(answer, HttpResponse):
        return answer
    response = trigger_client_event(HttpResponse(status=204), "close-dialog")
    if not answer.chosen:
        return response
    wish = {"wish": f"from {kind} {answer.chosen[0]}"}
    return trigger_client_event(response, "conditions-built", wish)
