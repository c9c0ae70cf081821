"""How an organization shows one card, as a form; stored by tms.members.layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy

from tms.cards import Position
from tms.members.layout import save_card
from tms.models import ProfileCard
from tms.sections import EntityForm

if TYPE_CHECKING:
    from tms.members.layout import Placed
    from tms.models import User

# In the order of the manual, each with where that is and a picture of it (lucide).
PLACES = {
    Position.SIDE: (gettext_lazy("left sidebar"), "panel-left"),
    Position.MAIN: (gettext_lazy("center content area"), "square"),
    Position.HEADER: (gettext_lazy("top profile section"), "panel-top"),
}


class CardForm(EntityForm):
    sections = ()

    class Meta:
        model = ProfileCard
        fields = ("is_enabled", "position", "shown")
        widgets = {"position": forms.RadioSelect}
        help_texts = {
            "is_enabled": gettext_lazy(
                "When off, no profile shows this card. Nothing is lost: what was earned stays, and so do"
                " these options."
            )
        }

    def __init__(self, *args: Any, placed: Placed, user: User, **kwargs: Any) -> None:
        super().__init__(*args, instance=placed.row, **kwargs)
        self.user = user
        position: Any = self.fields["position"]
        position.choices = [(place.value, place.label) for place in PLACES]
        number = placed.card.number
        if number is None:
            del self.fields["shown"]
            return
        shown: Any = self.fields["shown"]
        shown.required, shown.label, shown.help_text = True, number.label, number.help
        shown.widget.attrs |= {"min": 1, "max": ProfileCard.MOST_SHOWN, "inputmode": "numeric"}
        if number.examples:
            shown.widget.attrs["list"] = "shown-examples"
        self.examples = number.examples

    def save_card(self) -> bool:
        """Whether it was stored."""
        return self.stores(lambda: save_card(self.instance, actor=self.user))
