"""A member's profile, the page on which she writes it, and her picture."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import AdministratorFactory, OrganizationFactory, UserFactory
from tests.tms.members.conftest import Picture
from tms.members.profile import save_picture, save_profile, shows_profile
from tms.models import MemberProfile, Organization, ProfilePicture, SocialLink, User

pytestmark = pytest.mark.django_db

BIO = "I like to learn how things work."
HX = {"HX-Request": "true"}


@pytest.fixture
def organization() -> Organization:
    return OrganizationFactory.create(allow_member_profiles=True)


@pytest.fixture
def learner(organization: Organization, client: Client) -> User:
    user = UserFactory.create(organization=organization, first_name="Ada", last_name="Byron")
    client.force_login(user)
    client.get("/")  # the visit of the day
    return user


@pytest.fixture
def member(organization: Organization) -> User:
    user = UserFactory.create(organization=organization, first_name="Grace", last_name="Murray")
    save_profile(user, bio="<b>Bold</b>\n\nSecond", links=["https://github.com/grace"], shows=True)
    save_picture(user, b"picture")
    return user


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_another_member_is_shown_with_picture_bio_and_links(
    client: Client, learner: User, member: User
) -> None:
    page = text_of(client.get(reverse("member", args=[member.pk])))

    assert "Grace Murray" in page
    assert "&lt;b&gt;Bold&lt;/b&gt;" in page and "<b>Bold" not in page
    assert 'href="https://github.com/grace" rel="me nofollow noopener noreferrer"' in page
    assert f"/members/{member.pk}/picture/{member.profile_picture.version}/" in page
    assert "Edit profile" not in page and member.email not in page
    assert "can see this profile" not in page


def test_who_has_no_picture_has_initials(client: Client, learner: User) -> None:
    page = text_of(client.get(reverse("member", args=[learner.pk])))

    assert "AB" in page
    assert "Only you and your administrators can see this profile." in page
    assert reverse("own-profile") in page


def test_the_address_of_who_has_no_name_is_not_told(client: Client, learner: User, member: User) -> None:
    User.objects.filter(pk=member.pk).update(first_name="", last_name="")

    page = text_of(client.get(reverse("member", args=[member.pk])))

    assert "A member" in page and member.email not in page


def test_a_profile_that_is_not_shown_is_not_found(client: Client, learner: User, member: User) -> None:
    save_profile(member, bio=BIO, links=[], shows=False)
    version = member.profile_picture.version

    assert client.get(reverse("member", args=[member.pk])).status_code == 404
    assert client.get(reverse("member-picture", args=[member.pk, version])).status_code == 404


def test_an_administrator_sees_whether_others_see_it(
    client: Client, organization: Organization, member: User
) -> None:
    client.force_login(AdministratorFactory.create(organization=organization))
    assert "can see this profile" in text_of(client.get(reverse("member", args=[member.pk])))

    save_profile(member, bio=BIO, links=[], shows=False)
    page = text_of(client.get(reverse("member", args=[member.pk])))
    assert "Only the member and administrators" in page
    assert reverse("user", args=[member.pk]) in page


def test_a_picture_is_kept_by_browsers_for_it_never_changes(
    client: Client, learner: User, member: User
) -> None:
    version = member.profile_picture.version

    response = client.get(reverse("member-picture", args=[member.pk, version]))

    assert response.content == b"picture"
    assert response.headers["Content-Type"] == "image/webp"
    assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(reverse("member-picture", args=[member.pk, "0" * 16])).status_code == 404


def test_the_pages_need_few_queries(
    client: Client, learner: User, member: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        SocialLink.objects.create(user=member, url=f"https://{number}.example/", position=number)
    for name, args in (("member", [member.pk]), ("member", [learner.pk]), ("own-profile", [])):
        with django_assert_max_num_queries(12):
            assert client.get(reverse(name, args=args)).status_code == 200


def test_name_and_address_are_the_organizations_to_change(client: Client, learner: User) -> None:
    page = text_of(client.get(reverse("own-profile")))
    assert learner.email in page and "Your training organization changes them for you." in page

    client.post(reverse("own-profile"), {"first_name": "Eve", "email": "eve@example.org", "bio": BIO})

    learner.refresh_from_db()
    assert (learner.first_name, learner.email) != ("Eve", "eve@example.org")
    assert learner.member_profile.bio == BIO


def test_a_profile_is_written(client: Client, learner: User) -> None:
    given = {"bio": BIO, "link_1": "github.com/ada", "link_3": "https://ada.example/", "is_shown": "on"}

    response = client.post(reverse("own-profile"), given)

    assert response["Location"] == reverse("member", args=[learner.pk])
    assert [link.url for link in learner.social_links.all()] == [
        "https://github.com/ada",
        "https://ada.example/",
    ]
    assert shows_profile(User.objects.get(pk=learner.pk))
    assert "Your profile was saved." in text_of(client.get(response["Location"]))
    page = text_of(client.get(reverse("own-profile")))
    assert BIO in page and 'value="https://ada.example/"' in page


def test_who_sees_it_is_not_asked_where_the_organization_shows_nobody(client: Client, learner: User) -> None:
    Organization.objects.update(allow_member_profiles=False)

    assert "does not show members’ profiles" in text_of(client.get(reverse("own-profile")))
    client.post(reverse("own-profile"), {"bio": BIO, "is_shown": "on"})

    assert MemberProfile.objects.get().shown_in is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bio": "x" * 1001}, "at most 1000 characters"),
        ({"link_2": "http://ada.example/"}, "The address has to start with https://"),
        ({"link_2": "ada"}, "This is not an address of a page."),
        ({"link_1": "ada.example", "link_2": "https://ada.example"}, "You have given this link already."),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_what_was_typed_is_kept(
    client: Client, learner: User, wrong: dict[str, str], said: str
) -> None:
    given = {"bio": BIO, "link_5": "https://fifth.example/"} | wrong

    page = text_of(client.post(reverse("own-profile"), given))

    assert said in page and "Nothing was saved." in page
    assert 'aria-invalid="true"' in page
    assert all(value in page for value in given.values())
    assert not MemberProfile.objects.exists() and not SocialLink.objects.exists()


def test_a_picture_is_uploaded_and_removed_with_nothing_else(
    client: Client, learner: User, picture: Picture
) -> None:
    address = reverse("own-picture")

    page = text_of(client.post(address, {"picture": picture()}, headers=HX))
    stored = ProfilePicture.objects.get()
    assert "Your picture was saved." in page
    assert stored.version in page and "<html" not in page
    shown = client.get(reverse("member-picture", args=[learner.pk, stored.version]))
    assert shown.content.startswith(b"RIFF")

    page = text_of(client.post(address, {"remove": "yes"}, headers=HX))
    assert "Your picture was removed." in page
    assert not ProfilePicture.objects.exists()


def test_without_script_a_picture_leads_back_to_the_page(
    client: Client, learner: User, picture: Picture
) -> None:
    response = client.post(reverse("own-picture"), {"picture": picture()}, follow=True)

    assert response.redirect_chain == [(reverse("own-profile"), 302)]
    assert "Your picture was saved." in text_of(response)


@pytest.mark.parametrize("headers", [{}, HX])
def test_what_is_no_picture_is_told_beside_the_field(
    client: Client, learner: User, picture: Picture, headers: dict[str, str]
) -> None:
    wrong = picture()
    wrong.file.truncate(20)

    page = text_of(client.post(reverse("own-picture"), {"picture": wrong}, headers=headers))
    assert "This file is not a picture that can be read." in page
    page = text_of(client.post(reverse("own-picture"), headers=headers))
    assert "Choose a picture first." in page
    assert not ProfilePicture.objects.exists()


def test_the_page_tells_what_is_still_missing(client: Client, learner: User) -> None:
    assert 'value="0"' in text_of(client.get(reverse("own-profile")))

    save_profile(learner, bio=BIO, links=["https://ada.example/"])

    assert 'value="2"' in text_of(client.get(reverse("own-profile")))


def test_the_menu_leads_to_ones_profile(client: Client, learner: User) -> None:
    assert f'href="{reverse("member", args=[learner.pk])}"' in text_of(client.get("/"))


def test_an_administrator_clears_a_profile_and_says_why(
    client: Client, organization: Organization, member: User
) -> None:
    client.force_login(AdministratorFactory.create(organization=organization))
    address = reverse("clear-profile", args=[member.pk])
    assert address in text_of(client.get(reverse("member", args=[member.pk])))

    assert "A reason is required" in text_of(client.post(address, {"reason": " "}))
    response = client.post(address, {"reason": "Unfit"}, follow=True)

    assert "The profile of Grace Murray was cleared." in text_of(response)
    assert not ProfilePicture.objects.exists()
    assert address not in text_of(response)
