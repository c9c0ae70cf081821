"""What members show of themselves, and how their organization arranges it."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from tms.access import ScopedQuerySet
from tms.models.organizations import Organization
from tms.models.people import User


class MemberProfile(models.Model):
    """What a person says of herself. Written by tms.members.profile; who never said anything has no row.

    `shown_in` is the organization to whose other members she has chosen to show it. Once she belongs to
    another, that choice was made for other people, and nobody sees it until she chooses anew.
    """

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="member_profile")
    bio = models.TextField(_("bio"), blank=True)
    shown_in = models.ForeignKey(
        Organization, models.SET_NULL, null=True, related_name="+", verbose_name=_("shown in")
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("member profile")
        verbose_name_plural = _("member profiles")

    def __str__(self) -> str:
        return str(self.user)


class ProfilePicture(models.Model):
    """Made by tms.members.picture, square and without anything that the camera wrote into the file.

    In the database, so that every web process has it. `version` changes with the image and is part of its
    address, which browsers may therefore keep for ever.
    """

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="profile_picture")
    image = models.BinaryField()
    version = models.CharField(max_length=16)

    class Meta:
        verbose_name = _("profile picture")
        verbose_name_plural = _("profile pictures")

    def __str__(self) -> str:
        return str(self.user)


class SocialLink(models.Model):
    """Where else somebody is to be found. Written by tms.members.profile."""

    user = models.ForeignKey(User, models.CASCADE, related_name="social_links", db_index=False)
    url = models.URLField(_("address"), max_length=300)
    position = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name = _("social link")
        verbose_name_plural = _("social links")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["user", "url"], name="one_social_link_of_an_address")]

    def __str__(self) -> str:
        return self.url


class ProfileCard(models.Model):
    """How an organization shows one system card (tms.cards) on its members' profiles.

    Where there is no row the card stands as its app offers it. Written by tms.members.layout.
    """

    class Position(models.TextChoices):
        """Areas of a profile, by the names that administrators know."""

        SIDE = "side", _("Side")
        MAIN = "main", _("Main")
        HEADER = "header", _("Header")

    MOST_SHOWN = 50

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="profile_cards", db_index=False
    )
    card = models.CharField(_("card"), max_length=40)
    is_enabled = models.BooleanField(_("Enabled"), default=True)
    position = models.CharField(_("Position"), max_length=8, choices=Position.choices)
    # For cards that show a number of things.
    shown = models.PositiveSmallIntegerField(
        _("number shown"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_SHOWN)],
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("profile card")
        verbose_name_plural = _("profile cards")
        constraints = [
            models.UniqueConstraint(fields=["organization", "card"], name="one_row_of_a_card"),
            models.CheckConstraint(
                condition=models.Q(shown__isnull=True) | models.Q(shown__range=(1, 50)),
                name="card_shows_one_to_fifty",
            ),
        ]

    def __str__(self) -> str:
        return self.card
