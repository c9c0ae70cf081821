"""Text that is encrypted in the database and shown to nobody.

Keys come from FIELD_ENCRYPTION_KEYS: the first encrypts, all decrypt. A key is rotated by putting a new one
in front and encrypting again whatever is stored (`rotate`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.functions import Cast


@lru_cache(maxsize=8)
def _keyring(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS holds a value that is not a Fernet key.") from error


def keyring() -> MultiFernet:
    return _keyring(tuple(settings.FIELD_ENCRYPTION_KEYS))


if TYPE_CHECKING:
    Text = models.TextField[str, str]
else:
    Text = models.TextField


class EncryptedTextField(Text):
    """Clear text in Python, a Fernet token in the column. Cannot be searched or compared."""

    def get_prep_value(self, value: Any) -> Any:
        if not value:
            return ""
        return keyring().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str:
        if not value:
            return ""
        try:
            return keyring().decrypt(value.encode()).decode()
        except InvalidToken:
            # A lost key must not take the whole list page down; the account shows as unusable instead.
            return ""

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise TypeError("An encrypted field cannot be used in a filter.")

    def value_to_string(self, obj: models.Model) -> str:
        """Never in a dump: a fixture holds no secret."""
        return ""


@dataclass(slots=True)
class Rotation:
    """`lost` are (model, id, field) of what no key reads; it is left for a key that may come back."""

    rotated: int = 0
    lost: list[tuple[str, int, str]] = field(default_factory=list)


def rotate() -> Rotation:
    """Encrypt every secret of every table with the first key, so that the others can be taken away.

    Each by itself, and only where it is still what was read: one that somebody replaces meanwhile is
    encrypted with the first key anyway.
    """
    rotation = Rotation()
    for model, name in _secret_columns():
        stored = model._default_manager.annotate(encrypted=Cast(name, models.TextField()))
        rows = stored.exclude(encrypted="").values_list("pk", "encrypted")
        for pk, encrypted in list(rows):
            try:
                secret = keyring().decrypt(encrypted.encode()).decode()
            except InvalidToken:
                rotation.lost.append((str(model._meta.verbose_name), pk, name))
                continue
            rotation.rotated += stored.filter(pk=pk, encrypted=encrypted).update(**{name: secret})
    return rotation


def _secret_columns() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models():
        if model._meta.proxy:
            continue
        for column in model._meta.concrete_fields:
            if isinstance(column, EncryptedTextField):
                yield model, column.name
