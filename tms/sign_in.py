"""Proving who one is: by e-mail and password on pages, by token in the API.

Demo accounts have a published password, so they are refused wherever DEBUG is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication, exceptions

if TYPE_CHECKING:
    from django.http import HttpRequest

    from tms.models import User


def may_sign_in(user: User) -> bool:
    return user.is_active and (settings.DEBUG or not user.is_demo)


class EmailBackend(ModelBackend):
    """The stock backend, which asks the manager for the e-mail address without regard to case."""

    def user_can_authenticate(self, user: Any) -> bool:
        return user is not None and may_sign_in(user)

    def get_user(self, user_id: Any) -> Any:
        from tms.models import User
        from tms.notifying.inbox import unread_count

        users = User.objects.select_related("organization").annotate(unread_notifications=unread_count())
        user = users.filter(pk=user_id).first()
        return user if user and may_sign_in(user) else None


class TokenAuthentication(authentication.TokenAuthentication):
    def authenticate_credentials(self, key: str) -> Any:
        user, token = super().authenticate_credentials(key)
        if not may_sign_in(user):
            raise exceptions.AuthenticationFailed(_("Demo accounts are refused here."))
        return user, token

    def authenticate_header(self, request: HttpRequest) -> str:
        return "Token"
