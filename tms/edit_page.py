"""The page of a form that makes or changes one thing (templates/edit.html): its words and its ways back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.urls import reverse

if TYPE_CHECKING:
    from django import forms
    from django.db.models import Model
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, kw_only=True)
class EditPage:
    """`create` and `edit` say what is done, `plural` leads to all of them; `found` and `profile` are names of
    addresses. The template extends edit.html."""

    template: str
    create: _StrPromise
    edit: _StrPromise
    plural: _StrPromise
    found: str
    profile: str

    def show(
        self, request: HttpRequest, form: forms.BaseForm, *, row: Model, name: str, is_new: bool, **more: Any
    ) -> HttpResponse:
        """`name` is what the thing is called as it is stored, whatever the form says now."""
        found_url = reverse(self.found)
        profile_url = "" if is_new else reverse(self.profile, args=[row.pk])
        context = {
            "form": form,
            "words": self,
            "is_new": is_new,
            "name": name,
            "found_url": found_url,
            "profile_url": profile_url,
            "cancel_url": profile_url or found_url,
        }
        return render(request, self.template, context | more)
