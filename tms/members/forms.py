"""What people type about themselves. What it means is checked by tms.members.links and .picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tms.members import links, profile
from tms.members.picture import read_picture

if TYPE_CHECKING:
    from tms.models import User


class LinkField(forms.CharField):
    """An address, checked and spelt as it is stored."""

    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        return links.address(typed) if typed else ""


class ProfileForm(forms.Form):
    """Bio, links and who sees them, the last only where the organization lets members see each other."""

    bio = forms.CharField(
        label=gettext_lazy("Bio"),
        required=False,
        max_length=profile.MOST_OF_BIO,
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"}),
    )
    is_shown = forms.BooleanField(
        label=gettext_lazy("Show my profile to the other members of my organization"), required=False
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        typed = [link.url for link in user.social_links.all()]
        initial = {
            "bio": profile.bio_of(user),
            "is_shown": profile.shows_profile(user),
            **{f"link_{number}": url for number, url in enumerate(typed, start=1)},
        }
        super().__init__(data, initial=initial)
        self.user = user
        organization = user.organization
        if organization is None or not organization.allow_member_profiles:
            del self.fields["is_shown"]
        self.fields["bio"].help_text = _(
            "A few sentences about you. From %(least)d letters on it counts as complete."
        ) % {"least": profile.COMPLETE_BIO}
        for number in range(1, links.MOST_LINKS + 1):
            self.fields[f"link_{number}"] = LinkField(
                label=_("Link %(number)d") % {"number": number},
                required=False,
                widget=forms.URLInput(
                    attrs={"placeholder": "https://", "autocomplete": "off", "dir": "ltr", "inputmode": "url"}
                ),
            )

    @property
    def link_fields(self) -> list[forms.BoundField]:
        return [self[f"link_{number}"] for number in range(1, links.MOST_LINKS + 1)]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        seen: set[str] = set()
        for field in self.link_fields:
            url = cleaned.get(field.name)
            if url and url in seen:
                self.add_error(field.name, _("You have given this link already."))
            if url:
                seen.add(url)
        return cleaned

    def save(self) -> None:
        given = self.cleaned_data
        profile.save_profile(
            self.user,
            bio=given["bio"],
            links=[given[field.name] for field in self.link_fields if given[field.name]],
            shows=given.get("is_shown"),
        )


class PictureForm(forms.Form):
    picture = forms.FileField(
        label=gettext_lazy("Picture"),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        error_messages={"required": gettext_lazy("Choose a picture first.")},
    )

    def clean_picture(self) -> bytes:
        uploaded = self.cleaned_data["picture"]
        return read_picture(uploaded, size=uploaded.size)
