"""What a person was told, as a list; which mail she wants; and the link in a mail that stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from tms.access import Action, may
from tms.language import speaking_to
from tms.models import MailChoices
from tms.notifying import choices, digests, inbox
from tms.notifying.topics import Group
from tms.pages import SignedIn

if TYPE_CHECKING:
    ChoicesForm = forms.ModelForm[MailChoices]
else:
    ChoicesForm = forms.ModelForm

PER_PAGE = 25


@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: SignedIn) -> HttpResponse:
    """A POST marks as read what was on the page, and all that is older."""
    if request.method == "POST":
        up_to = request.POST.get("up_to", "")
        if up_to.isascii() and up_to.isdigit() and len(up_to) < 19:
            inbox.read_all(request.user, up_to=int(up_to))
            messages.success(request, _("All are marked as read."))
        return redirect("notifications")
    page = Paginator(inbox.shown_to(request.user), PER_PAGE).get_page(request.GET.get("page"))
    entries = inbox.entries(list(page))
    context = {
        "page": page,
        "entries": entries,
        "up_to": max((entry.row.pk for entry in entries), default=0),
    }
    return render(request, "tms/notifying/list.html", context)


@require_safe
def open_notification(request: SignedIn, pk: int) -> HttpResponse:
    """Mark it as read and go to what it is about; to the list where that is gone or has no page."""
    row = get_object_or_404(inbox.shown_to(request.user), pk=pk)
    notice = inbox.open_one(row)
    return redirect(notice.url or "notifications")


# --- Which mail one wants -----------------------------------------------------------------------------------


class MailForm(ChoicesForm):
    """Only what can ever come to this person."""

    class Meta:
        model = MailChoices
        fields = ("achievements", "badges", "administration", "digest")
        help_texts = {
            "achievements": gettext_lazy(
                "When you earn one, unless its badge provider writes to you about the badge anyway."
            ),
            "badges": gettext_lazy("When somebody issues one to you and its badge provider writes no mail."),
            "administration": gettext_lazy(
                "When a badge provider is paused, its token ends, or the rule of an achievement is paused."
            ),
            "digest": gettext_lazy(
                "What was earned, issued and failed in your classes or organization, at seven in the "
                "morning. Nothing is sent when nothing happened."
            ),
        }
        widgets = {"digest": forms.RadioSelect}

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may(user, Action.MANAGE):
            del self.fields["administration"]
        if digests.may_have_digests(user):
            self.fields["digest"].choices = MailChoices.Digest.choices  # type: ignore[attr-defined]
        else:
            del self.fields["digest"]


@require_http_methods(["GET", "HEAD", "POST"])
def notification_settings(request: SignedIn) -> HttpResponse:
    stored = choices.choices_of(request.user)
    form = MailForm(request.POST if request.method == "POST" else None, instance=stored, user=request.user)
    if request.method == "POST" and form.is_valid():
        choices.save(form.save(commit=False))
        messages.success(request, _("Your choices are saved."))
        return redirect("notification-settings")
    return render(request, "tms/notifying/settings.html", {"form": form})


# --- Without a sign-in --------------------------------------------------------------------------------------


@never_cache
@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """The link of a mail, for people (who confirm) and for mailboxes that ask by one POST (RFC 8058).

    To open it changes nothing, for programs that check mails open every link.
    """
    known = choices.read_token(token)
    if known is None:
        raise Http404
    user, about = known
    if request.method == "POST":
        choices.unsubscribe(user, about)
    with speaking_to(user):
        names = [_("the digest") if name == choices.DIGEST else str(Group(name).label) for name in about]
        context = {"reader": user, "names": names, "is_done": request.method == "POST"}
        return render(request, "tms/notifying/unsubscribe.html", context)
