"""Forms in sections: which of them is open, and what a refusal leaves behind."""

from __future__ import annotations

import re

import pytest
from django import forms
from django.template.loader import render_to_string

from tms.errors import DomainError, NotFound
from tms.models import Organization
from tms.sections import EntityForm, Section
from tms.style_guide import Tabbed


class OrganizationForm(EntityForm):
    class Meta:
        model = Organization
        fields = ("name", "external_id")

    name = forms.CharField()
    sections = (
        Section(name="first", label="First", fields=("external_id", "absent")),
        Section(name="second", label="Second", fields=("name",)),
        Section(name="third", label="Third", fields=("absent",)),
    )


@pytest.mark.parametrize(("per_minute", "opened"), [("0", "limits"), ("5", "basic-information")])
def test_the_first_section_with_an_error_is_open_or_else_the_first(per_minute: str, opened: str) -> None:
    form = Tabbed({"name": "IPC-Credly", "per_minute": per_minute})

    page = render_to_string("_tabbed_form.html", {"form": form})

    assert re.findall(r'aria-controls="([a-z-]+)"\s+aria-selected="true"', page) == [opened]
    assert ("data-wrong" in page) == (per_minute == "0")


@pytest.mark.django_db
def test_what_the_domain_refuses_stands_at_its_field_and_opens_its_section() -> None:
    form = OrganizationForm({"name": "Northwind", "external_id": "n"})

    def refuse() -> None:
        raise DomainError("taken", "This is taken.", fields={"name": ["Northwind is taken."]})

    assert not form.stores(refuse)
    assert form.errors == {"name": ["Northwind is taken."]}
    assert [(panel.section.name, panel.is_open) for panel in form.panels] == [
        ("first", False),
        ("second", True),
    ]


@pytest.mark.django_db
def test_what_is_out_of_reach_is_not_told_to_be_wrong() -> None:
    form = OrganizationForm({"name": "Northwind", "external_id": "n"})

    def vanish() -> None:
        raise NotFound("not_found", "Not found.")

    with pytest.raises(NotFound):
        form.stores(vanish)
