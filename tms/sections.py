"""Forms in sections, which a page shows as tabs: see templates/_tabbed_form.html.

A form names its `sections`; the page renders `form.panels`. All sections are one form with one Save: what was
typed in one is kept while another is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from tms.back_office import BackOfficeForm
from tms.errors import DomainError, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.utils.functional import _StrPromise


@dataclass(frozen=True, kw_only=True)
class Section:
    """`name` is its place in the address of the page (`#availability`) and so unique on it.

    `fields` stand one below another; a `template` shows them in its own way instead, and is given the
    `panel` besides what the page has.
    """

    name: str
    label: _StrPromise
    fields: tuple[str, ...]
    template: str = "_panel.html"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A section of one form as it is now. One is open: the first with an error, or else the first."""

    section: Section
    fields: tuple[forms.BoundField, ...]
    is_open: bool

    @property
    def has_errors(self) -> bool:
        return any(field.errors for field in self.fields)


class Sectioned(forms.BaseForm):
    """A form whose fields belong to sections; those that it does not have are left out, and so is a section
    without any."""

    sections: ClassVar[tuple[Section, ...]]

    @property
    def panels(self) -> list[Panel]:
        found = [
            (section, tuple(self[name] for name in section.fields if name in self.fields))
            for section in self.sections
        ]
        shown = [(section, fields) for section, fields in found if fields or not section.fields]
        wrong = [section for section, fields in shown if any(field.errors for field in fields)]
        first = (wrong or [section for section, _fields in shown])[:1]
        return [Panel(section=section, fields=fields, is_open=section in first) for section, fields in shown]


class EntityForm(Sectioned, BackOfficeForm):
    """A form of an entity's own page, which leaves alone what its user does not see, as the back office's."""

    def stores(self, write: Callable[[], object]) -> bool:
        """Whether the form was good and `write` went through. What it refused stands beside its field.

        `write` is a function that undoes everything when it refuses.
        """
        if not self.is_valid():
            return False
        try:
            write()
        except NotFound:
            raise
        except (DomainError, ValidationError) as refusal:
            for name, message in self.refused(refusal):
                field = self.field_names.get(name, name) if name else None
                self.add_error(field if field in self.fields else None, message)
            return False
        return True
