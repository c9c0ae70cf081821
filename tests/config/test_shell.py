from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.urls import Resolver404, include, path, resolve

from config.shell import shell
from tests.factories import AdministratorFactory, UserFactory

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.test import RequestFactory
    from pytest_django import DjangoAssertNumQueries

    from tms.models import User


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


back_office = ([path("", page, name="index")], "admin")
urlpatterns = [
    path("", page, name="dashboard"),
    path("achievements/", page, name="own-achievements"),
    path("achievements/find/", page, name="find-achievements"),
    path("achievements/<int:pk>/", page, name="achievement"),
    path("badges/", page, name="find-badges"),
    path("admin/", include(back_office)),
    path("api/docs/", page, name="api-docs"),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def request_of(rf: RequestFactory, user: User | AnonymousUser, at: str = "/") -> HttpRequest:
    request = rf.get(at)
    request.user = user
    try:
        request.resolver_match = resolve(at)
    except Resolver404:
        request.resolver_match = None
    return request


def test_a_stranger_gets_no_links(rf: RequestFactory) -> None:
    context = shell(request_of(rf, AnonymousUser()))

    assert context["menu"] == context["admin_menu"] == context["tools"] == []


def test_an_error_before_the_user_is_known_gets_no_links(rf: RequestFactory) -> None:
    assert shell(rf.get("/"))["menu"] == []


def test_a_learner_sees_the_own_pages_only(rf: RequestFactory) -> None:
    context = shell(request_of(rf, UserFactory()))

    assert [link.url for link in context["menu"]] == ["/", "/achievements/"]
    assert context["admin_menu"] == context["tools"] == []


def test_an_administrator_also_sees_what_administrators_reach_in_groups(rf: RequestFactory) -> None:
    context = shell(request_of(rf, AdministratorFactory()))

    # A group of which this site has nothing is not there.
    assert {str(group.label): [link.url for link in group.links] for group in context["admin_menu"]} == {
        "Achievements": ["/achievements/find/"],
        "Badges": ["/badges/"],
        "System": ["/admin/", "/api/docs/"],
    }


@pytest.mark.parametrize(
    ("at", "current"),
    [
        ("/", ["/"]),
        ("/admin/tms/user/", ["/admin/"]),
        ("/elsewhere/", []),
        # Below two of them: the nearer one.
        ("/achievements/", ["/achievements/"]),
        ("/achievements/find/", ["/achievements/find/"]),
        # The profile of an achievement is found there, and is none of one's own.
        ("/achievements/7/", ["/achievements/find/"]),
    ],
)
def test_the_link_to_where_one_is_is_marked(rf: RequestFactory, at: str, current: list[str]) -> None:
    context = shell(request_of(rf, AdministratorFactory(), at=at))

    links = [*context["menu"], *(link for group in context["admin_menu"] for link in group.links)]
    assert [link.url for link in links if link.is_current] == current


def test_only_the_roles_are_read_and_once(
    rf: RequestFactory, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    request = request_of(rf, UserFactory())

    with django_assert_num_queries(1):
        shell(request)
        shell(request)
