"""Who asks: a world of one organization, and clients that sign in with a token, as integrators do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.factories import AdministratorFactory, OrganizationFactory, UserFactory
from tms.models import Organization, User


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.default_format = "json"
    token, _created = Token.objects.get_or_create(user=user)
    client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client


@dataclass
class World:
    """North has a branch below it; South is somebody else."""

    north: Organization
    branch: Organization
    south: Organization
    administrator: User
    learner: User
    stranger: User


@pytest.fixture
def world(db: None) -> World:
    north = OrganizationFactory.create(name="North", external_id="north")
    branch = OrganizationFactory.create(name="Branch", external_id="branch", parent=north)
    south = OrganizationFactory.create(name="South", external_id="south")
    return World(
        north=north,
        branch=branch,
        south=south,
        administrator=AdministratorFactory.create(organization=north),
        learner=UserFactory.create(organization=north, external_id="u-ada"),
        stranger=UserFactory.create(organization=south, external_id="u-stranger"),
    )


@pytest.fixture
def administrator(world: World) -> APIClient:
    return client_of(world.administrator)


@pytest.fixture
def learner(world: World) -> APIClient:
    return client_of(world.learner)


@pytest.fixture
def superuser(db: None) -> APIClient:
    return client_of(UserFactory.create(is_superuser=True, organization=None))


@pytest.fixture
def signed_in() -> Callable[[User], APIClient]:
    return client_of
