"""What people of the demo say of themselves, and what that earns them.

Not in the folder: the import knows no profiles. It is written through the product's own functions, once:
where somebody has changed a profile or an achievement since, a second load leaves it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw

from achievements.authoring import save_achievement
from achievements.models import Achievement
from config.demo.catalogue import ACADEMY
from config.demo.german import in_german
from config.demo.people import LEARNER
from tms import gates
from tms.members.picture import read_picture
from tms.members.profile import save_picture, save_profile
from tms.models import Activity, MemberProfile, Organization, User

SIDE = 640


class Said(NamedTuple):
    """`colors`: of the ground, of the hair and of the clothes, where there is a picture."""

    bio: str = ""
    links: tuple[str, ...] = ()
    colors: tuple[str, str, str] | None = None
    shows: bool = True


# The learner who signs in lacks a picture: adding one completes her profile while one watches.
LEARNER_SAYS = Said(
    "Platform engineer in training. I break staging on Mondays and fix it by Tuesday.\n\n"
    "Happy to pair on anything about networks or observability.",
    ("https://www.linkedin.com/in/zoe-marchetti-demo", "https://github.com/zoe-marchetti-demo"),
)
OTHERS_SAY = (
    Said(
        "Teaching computers to wake fewer people at night.",
        ("https://www.linkedin.com/in/demo-one", "https://orcid.org/0000-0000-0000-0000"),
        ("#f3c65b", "#3a2417", "#0b6377"),
    ),
    Said(
        "From the help desk to security operations, one lab at a time.",
        ("https://github.com/demo-two",),
        ("#8fd3e0", "#1d1d24", "#7a3b69"),
    ),
    Said("I collect exams the way others collect stamps.", (), ("#d7e7c1", "#7b3f1d", "#29523f")),
    Said("Data pipelines, rock climbing, and very strong coffee."),
    Said("", ("https://portfolio.example/demo-five",), ("#f0b7a4", "#5b4636", "#34426b")),
    Said(
        "Mentor in the study circle on Thursdays. Ask me about the cloud exam.",
        ("https://gitlab.com/demo-six", "https://www.youtube.com/@demo-six"),
        ("#cfc6ea", "#c9c9cf", "#8f2d3b"),
    ),
    Said("Here to learn, not to be seen.", shows=False),
)

# external id, name, description, points, rule
_ACHIEVEMENTS = (
    ("picture", "Say Cheese", "Add a profile picture.", 10, "[{Subject:50, Kinds:[%s], Count:1}]"),
    ("bio", "In a Few Words", "Complete your bio.", 10, "[{Subject:50, Kinds:[%s], Count:1}]"),
    ("links", "Well Connected", "Add social links: two of them.", 10, "[{Subject:50, Kinds:[%s], Count:2}]"),
    (
        "complete",
        "Nice to Meet You",
        "Complete your profile: a picture, a bio and a link.",
        30,
        "[{Subject:50, Kinds:[%s], Count:1}]",
    ),
)
_KINDS = {
    "picture": Activity.Kind.PROFILE_PICTURE_ADDED,
    "bio": Activity.Kind.BIO_COMPLETED,
    "links": Activity.Kind.SOCIAL_LINK_ADDED,
    "complete": Activity.Kind.PROFILE_COMPLETED,
}


def reward_profiles() -> None:
    """The achievements of the category Profile, of the academy."""
    academy = Organization.objects.get(external_id=ACADEMY.external_id)
    for slug, name, description, points, rule in _ACHIEVEMENTS:
        key = f"achievement-profile-{slug}"
        if not Achievement.objects.filter(external_id=key).exists():
            save_achievement(
                Achievement(
                    external_id=key,
                    name=name,
                    description=description,
                    organization=academy,
                    category="Profile",
                    points=points,
                    translations=in_german(key),
                    conditions_text=rule % _KINDS[slug].value,
                )
            )


def show_members() -> None:
    """The academy lets members see each other, and some have something to show."""
    academy = Organization.objects.get(external_id=ACADEMY.external_id)
    if MemberProfile.objects.filter(user__organization=academy).exists():
        return
    academy.allow_member_profiles = True
    gates.save_organization(academy)
    for user, said in _who_says_what(academy):
        save_profile(user, bio=said.bio, links=said.links, shows=said.shows)
        if said.colors:
            save_picture(user, draw(said.colors, rng=Random(user.pk)))  # noqa: S311 - repeatable on purpose


def _who_says_what(academy: Organization) -> Iterator[tuple[User, Said]]:
    members = User.objects.select_related("organization").filter(organization=academy, is_active=True)
    yield from ((user, LEARNER_SAYS) for user in members.filter(external_id=LEARNER.external_id))
    others = members.filter(external_id__startswith="user-0", participate_in_achievements=True)
    yield from zip(others.order_by("external_id"), OTHERS_SAY, strict=False)


def draw(colors: tuple[str, str, str], *, rng: Random) -> bytes:
    """Somebody, as a few shapes: a face before a colored ground."""
    ground, hair, clothes = colors
    skin = rng.choice(("#f1c9a5", "#d9a066", "#a86b3c", "#6f4325"))
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    pen = ImageDraw.Draw(picture)
    tilt = rng.randint(-12, 12)
    pen.ellipse((60, 40, 580, 560), fill=_lighter(ground))
    pen.ellipse((190 + tilt, 110, 450 + tilt, 400), fill=hair)
    pen.rounded_rectangle((278, 330, 362, 480), 40, fill=_darker(skin))
    pen.ellipse((120, 440, 520, 900), fill=clothes)
    pen.ellipse((215 + tilt, 150, 425 + tilt, 410), fill=skin)
    pen.chord((205 + tilt, 120, 435 + tilt, 330), 180, 360, fill=hair)
    for eye in (275 + tilt, 365 + tilt):
        pen.ellipse((eye - 10, 270, eye + 10, 290), fill="#1b2529")
    pen.arc((280 + tilt, 300, 360 + tilt, 360), 20, 160, fill="#7a2e25", width=8)
    written = BytesIO()
    picture.save(written, "PNG")
    size = written.tell()
    written.seek(0)
    return read_picture(written, size=size)


def _lighter(color: str) -> tuple[int, ...]:
    return tuple(channel + (255 - channel) // 2 for channel in _channels(color))


def _darker(color: str) -> tuple[int, ...]:
    return tuple(channel * 85 // 100 for channel in _channels(color))


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
