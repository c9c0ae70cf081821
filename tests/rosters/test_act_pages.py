"""The page of an act by hand: what it says while badges are under way and after, to whom, and taking it back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from badges.lifecycle import Move, move
from badges.models import IssuedBadge, IssuingAct
from badges.status import Status

SUCCESS = "The following badges were successfully issued:"
FAILURES = "The following badge issuances failed:"
WARNING = "Warning: Not all badges were successfully issued."


@pytest.fixture
def act(room):
    """Two badges for Ada and Alan, asked for by the instructor."""
    room.choose("instructor", badges=room.badges, students=room.mine)
    room.issue("instructor")
    return IssuingAct.objects.get()


def settle(room, enrollment, badge, status, **changes):
    """As delivery would, in two moves."""
    row = IssuedBadge.objects.get(badge=badge, learner=enrollment.user)
    move(Move(issued_badge_id=row.pk, from_status=Status.QUEUED, to_status=Status.SENDING))
    move(Move(issued_badge_id=row.pk, from_status=Status.SENDING, to_status=status, changes=changes))


def look(room, act, who="instructor", **headers):
    return room.clients[who].get(f"{room.address}{act.pk}/", headers=headers).content.decode()


def ask_again(room, html, who="instructor"):
    """What the page itself does after its interval."""
    url = re.search(r'hx-get="([^"]+)"', html)[1].replace("&amp;", "&")
    return room.clients[who].get(url, headers={"HX-Request": "true"})


def test_nothing_is_called_issued_before_the_provider_has_it(room, act):
    html = look(room, act)
    assert "Issuing… 0 of 4" in html
    assert SUCCESS not in html
    assert WARNING not in html
    settle(room, room.mine[0], room.badges[0], Status.ISSUED, external_url="https://provider.example/b/1")
    html = look(room, act)
    assert "Issuing… 1 of 4" in html
    table = html.split(SUCCESS)[1]
    assert "Ada Lovelace" in table
    assert 'href="https://provider.example/b/1"' in table
    assert "Alan Turing" not in table


def test_a_failure_is_numbered_and_told_in_the_words_of_the_provider(room, act):
    settle(room, room.mine[1], room.badges[0], Status.FAILED, provider_message="Issuer earner <has> it")
    html = look(room, act)
    assert WARNING in html
    assert '<a href="#failed">Failed Badge list</a>' in html
    failed = html.split(FAILURES)[1]
    assert '<ol class="failures" start="1">' in failed
    expected = "Badge: Cloud Builder was not issued to Alan Turing because of this error: Issuer earner &lt;has&gt; it"
    assert expected in failed
    assert SUCCESS not in html


def test_the_page_asks_again_until_all_is_settled(room, act):
    html = look(room, act)
    assert 'hx-trigger="every 2s"' in html
    assert ask_again(room, html).status_code == 204
    settle(room, room.mine[0], room.badges[0], Status.ISSUED)
    answer = ask_again(room, html).content.decode()
    assert "Issuing… 1 of 4" in answer
    assert "<html" not in answer
    for enrollment, badge in ((0, 1), (1, 0), (1, 1)):
        settle(room, room.mine[enrollment], room.badges[badge], Status.ISSUED)
    answer = ask_again(room, html).content.decode()
    assert "Done: 4 of 4 badges issued" in answer
    assert "hx-get" not in answer
    assert "hx-get" not in look(room, act)


def test_what_is_said_aloud_comes_by_quarters_and_at_the_end(room, act):
    html = look(room, act)
    assert "Issuing… 0% are done." in html
    row = IssuedBadge.objects.first()
    move(Move(issued_badge_id=row.pk, from_status=Status.QUEUED, to_status=Status.SENDING))
    assert "hx-swap-oob" not in ask_again(room, html).content.decode()  # it moves, and is nothing to say
    move(Move(issued_badge_id=row.pk, from_status=Status.SENDING, to_status=Status.ISSUED))
    answer = ask_again(room, html).content.decode()
    assert re.search(
        r'id="act-news"\s+role="status"\s+hx-swap-oob="innerHTML">Issuing… 25% are done\.<', answer
    )


def test_after_a_while_it_says_what_is_still_under_way_and_asks_less_often(room, act):
    assert "you may leave" not in look(room, act)
    IssuingAct.objects.update(created_at=timezone.now() - timedelta(seconds=21))
    html = look(room, act)
    assert "Sending; you may leave." in html
    assert 'hx-trigger="every 10s"' in html
    waiting = html.split("What is still under way")[1]
    assert waiting.count("Waiting") == 4


def test_to_say_that_nothing_is_new_nothing_of_the_act_is_loaded(room, act):
    html = look(room, act)
    with CaptureQueriesContext(connection) as queries:
        assert ask_again(room, html).status_code == 204
    of_act = [query["sql"] for query in queries if '"badges_actoutcome"' in query["sql"]]
    assert of_act
    assert all(re.search(r"COUNT\(|MAX\(|LIMIT 1$", sql) for sql in of_act)
    row = IssuedBadge.objects.first()
    move(Move(issued_badge_id=row.pk, from_status=Status.QUEUED, to_status=Status.SENDING))
    assert ask_again(room, html).status_code == 200  # it shows another word, though no number has changed


def test_the_number_of_queries_does_not_depend_on_the_size_of_the_act(room, act):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            look(room, act)
        return len(captured)

    settle(room, room.mine[0], room.badges[0], Status.ISSUED)
    settle(room, room.mine[0], room.badges[1], Status.FAILED)
    look(room, act)
    few = queries()
    settle(room, room.mine[1], room.badges[0], Status.ISSUED)
    settle(room, room.mine[1], room.badges[1], Status.FAILED)
    assert queries() <= few


def test_where_all_that_is_left_is_held_it_hardly_asks(room, act):
    for row in IssuedBadge.objects.all()[1:]:
        move(Move(issued_badge_id=row.pk, from_status=Status.QUEUED, to_status=Status.HELD))
    assert 'hx-trigger="every 2s"' in look(room, act)
    last = IssuedBadge.objects.get(status=Status.QUEUED)
    move(Move(issued_badge_id=last.pk, from_status=Status.QUEUED, to_status=Status.HELD))
    assert 'hx-trigger="every 60s"' in look(room, act)


def test_a_student_of_an_organization_out_of_reach_leads_to_the_roster(room, act):
    """Whoever administers the class need not administer everybody in it."""
    room.choose("administrator", badges=room.badges[:1], students=room.guests)
    room.issue("administrator")
    settle(room, room.guests[0], room.badges[0], Status.ISSUED)
    table = look(room, IssuingAct.objects.latest("pk"), "administrator").split(SUCCESS)[1]
    assert f"/users/{room.guests[0].user_id}/" not in table
    assert f"/roster/#enrollment-{room.guests[0].pk}" in table


@pytest.mark.parametrize(("who", "seen"), [("administrator", 200), ("instructor", 200), ("contract", 404)])
def test_an_act_is_shown_to_its_actor_and_to_who_administers_the_class(room, act, who, seen):
    assert room.get(who, f"{act.pk}/").status_code == seen
    listed = f"{room.address}{act.pk}/" in room.get(who).content.decode()
    assert listed == (seen == 200)


def test_an_act_of_another_class_is_not_found_here(room, act):
    IssuingAct.objects.update(source_key="0")
    assert room.get("instructor", f"{act.pk}/").status_code == 404


def test_administrators_are_led_to_records_and_instructors_to_the_roster(room, act):
    settle(room, room.mine[0], room.badges[0], Status.ISSUED)
    row = IssuedBadge.objects.get(status=Status.ISSUED)
    table = look(room, act, "administrator").split(SUCCESS)[1]
    assert f"/users/{row.learner_id}/achievements/" in table
    assert f"/admin/badges/issuedbadge/{row.pk}/change/" in table
    table = look(room, act).split(SUCCESS)[1]
    assert f"/classes/{room.training_class.pk}/roster/#enrollment-{room.mine[0].pk}" in table
    assert "/admin/" not in table


def test_long_lists_come_in_pages_that_survive_the_next_look(room, act, monkeypatch):
    monkeypatch.setattr("rosters.acts.ON_A_PAGE", 1)
    for enrollment in room.mine:
        settle(room, enrollment, room.badges[0], Status.ISSUED)
    html = look(room, act)
    assert "1–1 of 2" in html
    later = re.search(r'href="(\?issued=2#issued)"', html)[1]
    html = room.get("instructor", f"{act.pk}/{later.split('#')[0]}").content.decode()
    assert "2–2 of 2" in html
    assert "Alan Turing" in html.split(SUCCESS)[1]
    assert "issued=2" in re.search(r'hx-get="([^"]+)"', html)[1]


# --- Taking it back ----------------------------------------------------------------------------------------


def take_back(room, act, who="administrator"):
    back = {"reason": "The wrong class", "next": f"{room.address}{act.pk}/"}
    return room.clients[who].post(f"/issuing-acts/{act.pk}/undo/", back, follow=True)


def test_an_administrator_takes_an_act_back_with_a_reason(room, act):
    settle(room, room.mine[0], room.badges[0], Status.ISSUED, external_uuid="1")
    assert f"/issuing-acts/{act.pk}/undo/?next={room.address}{act.pk}/" in look(room, act, "administrator")
    html = take_back(room, act).content.decode()
    assert set(IssuedBadge.objects.values_list("status", flat=True)) == {Status.CANCELLED, Status.REVOKING}
    assert "The wrong class" in html
    assert "Undo…" not in html
    assert "Being revoked" in html.split("Taken back")[1]
    assert "hx-get" in html  # until it is revoked
    assert SUCCESS not in html


def test_what_stayed_when_it_was_taken_back_can_be_taken_back_again(room, act):
    settle(room, room.mine[0], room.badges[0], Status.ISSUED, external_uuid="1")
    take_back(room, act)
    row = IssuedBadge.objects.get(status=Status.REVOKING)
    move(Move(issued_badge_id=row.pk, from_status=Status.REVOKING, to_status=Status.ISSUED))  # it refused
    html = look(room, act, "administrator")
    assert "Undone by" in html
    assert "Undo…" in html
    take_back(room, act)
    row.refresh_from_db()
    assert row.status == Status.REVOKING


def test_administrators_take_acts_back_from_the_list_of_them_too(room, act):
    again = f"/issuing-acts/{act.pk}/undo/?next={room.address}"
    assert again in room.get("administrator").content.decode()
    assert "/undo/" not in room.get("instructor").content.decode()
    for row in IssuedBadge.objects.all():
        move(Move(issued_badge_id=row.pk, from_status=Status.QUEUED, to_status=Status.CANCELLED))
    html = room.get("administrator").content.decode()
    assert f"{room.address}{act.pk}/" in html
    assert "/undo/" not in html


def test_where_nothing_is_left_nothing_is_offered_to_be_taken_back(room, act):
    for row in IssuedBadge.objects.all():
        move(Move(issued_badge_id=row.pk, from_status=Status.QUEUED, to_status=Status.CANCELLED))
    assert "Undo…" not in look(room, act, "administrator")


def test_an_instructor_is_not_offered_to_take_back_even_the_own_act(room, act):
    assert "Undo…" not in look(room, act)
    assert take_back(room, act, "instructor").status_code == 404
    assert set(IssuedBadge.objects.values_list("status", flat=True)) == {Status.QUEUED}
