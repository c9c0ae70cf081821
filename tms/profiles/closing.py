"""The pages on which an account is closed: somebody's, by an administrator, and one's own.

Both say first what will become of everything, and ask for a word to be typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_http_methods

from tms import people
from tms.closing import close_account, consequences
from tms.errors import DomainError

if TYPE_CHECKING:
    from tms.models import User
    from tms.pages import SignedIn


def word_to_type() -> str:
    return pgettext("word that is typed before an account is closed", "DELETE")


class ClosingForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Kept in the audit. Write nothing personal: it stays."),
    )
    word = forms.CharField(
        max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )

    def __init__(self, *args: Any, is_own: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_own:
            del self.fields["reason"]
        self.fields["word"].label = _("Type %(word)s to confirm") % {"word": word_to_type()}

    def clean_word(self) -> str:
        typed: str = self.cleaned_data["word"]
        if typed.casefold() != word_to_type().casefold():
            raise forms.ValidationError(
                _("This is “%(typed)s”. Type %(word)s, or leave the account as it is."),
                params={"typed": typed, "word": word_to_type()},
            )
        return typed


@require_http_methods(["GET", "HEAD", "POST"])
def close_user(request: SignedIn, pk: int) -> HttpResponse:
    person = get_object_or_404(people.managed_by(request.user).filter(closed_at=None), pk=pk)
    name, form = str(person), ClosingForm(request.POST or None, is_own=False)
    if request.method == "POST" and form.is_valid() and _closes(form, person, by=request.user):
        messages.success(request, _("The account of %(name)s was closed.") % {"name": name})
        return redirect("user", pk)
    return _show(request, form, person, is_own=False)


@require_http_methods(["GET", "HEAD", "POST"])
def close_own(request: SignedIn) -> HttpResponse:
    form = ClosingForm(request.POST or None, is_own=True)
    if request.method == "POST" and form.is_valid() and _closes(form, request.user, by=request.user):
        logout(request)
        messages.success(request, _("Your account was closed. Goodbye, and thank you."))
        return redirect("sign-in")
    return _show(request, form, request.user, is_own=True)


def _closes(form: ClosingForm, person: User, *, by: User) -> bool:
    try:
        close_account(person, reason=form.cleaned_data.get("reason", ""), actor=by)
    except DomainError as refusal:
        form.add_error(None, refusal.message)
        return False
    return True


def _show(request: SignedIn, form: ClosingForm, person: User, *, is_own: bool) -> HttpResponse:
    context = {"form": form, "person": person, "is_own": is_own, "consequences": list(consequences(person))}
    return render(request, "tms/profiles/close_account.html", context)
