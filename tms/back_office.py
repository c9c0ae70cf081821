"""What every page of the back office has in common: rows scoped by tms.access, writes through our own verbs.

Django's permission tables decide nothing here: `tms.access` says which rows a person sees and manages, and an
admin class says, in `write`, which function stores its row. What that function refuses is shown beside the
field at fault, with everything that was typed kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.filters import RelatedFieldListFilter
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters

from tms.access import Action, may, reachable
from tms.errors import DomainError
from tms.models import Organization, User
from tms.time_zone import ZoneSelect

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Inline = admin.TabularInline[Any, Any]
    RowForm = forms.ModelForm[Any]
else:
    Admin = admin.ModelAdmin
    Inline = admin.TabularInline
    RowForm = forms.ModelForm

Refusal = DomainError | ValidationError
MAX_REFUSALS_SHOWN = 10


def refusal_messages(refusal: Refusal) -> Iterator[tuple[str | None, Any]]:
    """(field or None, message) of everything that is wrong."""
    if isinstance(refusal, DomainError):
        fields = refusal.fields or {"": [refusal.message]}
    elif hasattr(refusal, "error_dict"):
        fields = refusal.message_dict
    else:
        fields = {"": refusal.messages}
    for name, texts in fields.items():
        for text in texts:
            yield (None if name in {"", NON_FIELD_ERRORS} else name), text


class BackOfficeForm(RowForm):
    """A form that shows what the domain refused, and leaves alone what its user does not see or edit."""

    refusal: ClassVar[Refusal | None] = None
    # Where the domain's name of a field differs from the form's.
    field_names: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self._keep_present_choices()

    def _keep_present_choices(self) -> None:
        """A row may point to another organization's (a shared badge): that stays a valid choice for it."""
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelMultipleChoiceField) or not isinstance(
                field, forms.ModelChoiceField
            ):
                continue
            present = getattr(self.instance, self.instance._meta.get_field(name).attname)
            if present is not None and field.queryset is not None:
                choices = models.Q(pk__in=field.queryset.values("pk")) | models.Q(pk=present)
                field.queryset = field.queryset.model._default_manager.filter(choices)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.instance.pk:
            self._keep_unseen_members()
            self._keep_untouched_moments()
        return cleaned

    def _keep_unseen_members(self) -> None:
        """Members of a many-to-many that this user cannot see are not hers to remove."""
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelMultipleChoiceField) and name in self.cleaned_data:
                unseen = getattr(self.instance, name).exclude(pk__in=field.queryset.values("pk"))  # type: ignore[union-attr]
                self.cleaned_data[name] = [*self.cleaned_data[name], *unseen]

    def _keep_untouched_moments(self) -> None:
        """The browser shows whole seconds; a moment that nobody edited keeps its exact value."""
        for name, field in self.fields.items():
            untouched = name in self.cleaned_data and name not in self.changed_data
            if isinstance(field, forms.SplitDateTimeField) and untouched:
                self.cleaned_data[name] = getattr(self.instance, name)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.refusal is None:
            return
        for name, message in self.refused(self.refusal):
            field = self.field_names.get(name, name) if name else None
            self.add_error(field if field in self.fields else None, message)

    def refused(self, refusal: Refusal) -> Iterable[tuple[str | None, Any]]:
        return refusal_messages(refusal)


class ScopedRelatedFilter(RelatedFieldListFilter):
    """A filter whose choices are only those of the reader's own reach."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        user: Any = request.user
        return field.get_choices(
            include_blank=False,
            ordering=self.field_admin_ordering(field, request, model_admin),
            limit_choices_to=reachable(field.related_model, user, Action.SEE),
        )


class BackOfficeAdmin(Admin):
    """A writable model. Subclasses name the function that stores a row, in `write`."""

    form = BackOfficeForm
    list_per_page = 50
    show_full_result_count = False
    view_on_site = False
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}  # as Django 6 does by itself
    # What a row is about: chosen when it is added, and never exchanged afterwards.
    fixed_fields: tuple[str, ...] = ()
    # For a model that has no organization of its own: the way to the person it is about.
    person_path = ""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = self._scoped(super().get_queryset(request), request, Action.SEE)
        # Not only for lists: a row that is a choice of another page is told by the names of these.
        related = self.list_select_related
        return rows.select_related(*related) if isinstance(related, tuple) and related else rows

    def _scoped(self, rows: Any, request: HttpRequest, action: Action) -> Any:
        user: Any = request.user
        if self.person_path:
            return rows.filter(**{f"{self.person_path}__in": User.objects.for_user(user, action)})
        return rows.for_user(user, action)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        choices: Any = super().get_field_queryset(db, db_field, request)
        if choices is None:
            choices = db_field.remote_field.model._default_manager.using(db)
        # A row may be given only to an organization that its giver manages.
        action = Action.MANAGE if db_field.remote_field.model is Organization else Action.SEE
        return choices.for_user(request.user, action)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "time_zone":
            kwargs["widget"] = ZoneSelect(empty="---------" if db_field.blank else "")
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        readonly = tuple(super().get_readonly_fields(request, obj))
        return (*readonly, *self.fixed_fields) if obj else readonly

    # Who may do what: tms.access, and nothing else

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, Action.SEE)  # type: ignore[arg-type]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.reaches(request, Action.SEE, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_manage_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.reaches(request, Action.MANAGE, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return may(request.user, Action.MANAGE)  # type: ignore[arg-type]

    def reaches(self, request: HttpRequest, action: Action, row: models.Model | None) -> bool:
        """Whether the user of `request` may do `action` to `row`, or at all. Asked once for each request."""
        if row is None:
            return may(request.user, action)  # type: ignore[arg-type]
        known: dict[Any, bool] = request.__dict__.setdefault("_reached", {})
        key = (type(row), row.pk, action)
        if key not in known:
            rows = self._scoped(self.model._default_manager.filter(pk=row.pk), request, action)
            known[key] = rows.exists()
        return known[key]

    # Writing

    def write(self, row: Any, *, form: Any, request: HttpRequest) -> None:
        """Store a row; here a plain one. May raise DomainError or ValidationError."""
        row.full_clean()
        row.save()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self.write(obj, form=form, request=request)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if issubclass(form, BackOfficeForm):  # a class made for this request
            form.refusal = getattr(request, "_refusal", None)
        return form

    @method_decorator(sensitive_post_parameters("new_password", "new_token"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """When the domain refuses, everything is rolled back and the page shown again with what was typed."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (DomainError, ValidationError) as refusal:
            if request.method != "POST" or hasattr(request, "_refusal"):
                raise
            request._refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    # Acting on selected rows

    def act_on_each(
        self, request: HttpRequest, rows: Iterable[Any], act: Callable[[Any], object], *, done: Any
    ) -> None:
        """Do one thing to each row; tell how often (`done`, an ngettext_lazy) and what was refused."""
        count = 0
        refused: list[str] = []
        for row in rows:
            try:
                act(row)
            except (DomainError, ValidationError) as refusal:
                reasons = " ".join(str(message) for _field, message in refusal_messages(refusal))
                refused.append(f"{row}: {reasons}")
            else:
                count += 1
        if count:
            self.message_user(request, done % count, messages.SUCCESS)
        for line in refused[:MAX_REFUSALS_SHOWN]:
            self.message_user(request, line, messages.ERROR)
        if more := len(refused[MAX_REFUSALS_SHOWN:]):
            text = ngettext("%d more was refused.", "%d more were refused.", more) % more
            self.message_user(request, text, messages.ERROR)

    def ask_reason(
        self,
        request: HttpRequest,
        rows: models.QuerySet[Any],
        *,
        action: str,
        title: Any,
        explanation: Any,
        button: Any,
    ) -> str | HttpResponse:
        """The reason that was given, or the page that asks for it."""
        reason = str(request.POST.get("reason", "")).replace("\0", "").strip()
        if reason:
            return reason
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "explanation": explanation,
            "button": button,
            "action": action,
            "rows": rows[:MAX_REFUSALS_SHOWN],
            "more": max(rows.count() - MAX_REFUSALS_SHOWN, 0),
            "selected": request.POST.getlist("_selected_action"),
            "across": request.POST.get("select_across", "0"),
            "error": _("Give a reason.") if "reason" in request.POST else "",
        }
        return TemplateResponse(request, "tms/back_office_reason.html", context)


class ReadOnlyAdmin(BackOfficeAdmin):
    """Records that the product itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BackOfficeInline(Inline):
    """Rows of a row: who may see or change that one may see or change these."""

    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, Action.MANAGE)  # type: ignore[arg-type]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, Action.MANAGE)  # type: ignore[arg-type]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, Action.MANAGE)  # type: ignore[arg-type]


class ReadOnlyInline(BackOfficeInline):
    can_delete = False
    max_num = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
