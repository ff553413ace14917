"""The page of an episode: what is drawn is what was played, in one file that loads nothing."""

import math
import re
from dataclasses import replace

import pytest
from html_page import HtmlPage
from hypothesis import given
from hypothesis import strategies as st

from dvdn_sim.records import Episode, Frame, Links, Picture, Stroke
from dvdn_sim.reporting import CLEAR, MARK, episode_page, pairs_of, state_of, states

BOTH = ((0, 1), (1, 0))


def picture(*places, radius=0.1):
    discs = [Stroke("disc", (place,), (42, 93, 158), radius) for place in places]
    ground = Stroke("rectangle", ((0.0, 0.0), (10.0, 10.0)), (255, 255, 255))
    return Picture((0.0, 0.0), (10.0, 10.0), (ground, *discs), places, radius)


def episode(*links, places=((1.0, 1.0), (9.0, 1.0), (5.0, 9.0)), drawn=True, **options):
    """One frame for each of these."""
    count = len(places)
    frames = [
        Frame(
            time_s=0.1 * step,
            actions=None if step == 0 else ("go <on>",) * count,
            rewards=None if step == 0 else (0.25,) * count,
            links=each,
            picture=picture(*places) if drawn else None,
        )
        for step, each in enumerate(links)
    ]
    agents = tuple(f"player_{agent}" for agent in range(count))
    told = {"network": ("link: loses <nothing>",)} | options
    return Episode("shown", "dvdn & co", 3, 7, agents, tuple(frames), **told)


def lines_of(page, step, kind):
    """Both ends of each line of a kind in a frame of the picture."""
    paths = [
        attrs["d"]
        for tag, attrs, above in page.elements
        if tag == "path" and attrs.get("class") == kind and any(a.get("data-step") == str(step) for _, a in above)
    ]
    return [tuple(map(float, found)) for path in paths for found in _LINE.findall(path)]


_NUMBER = r"(-?[\d.]+) (-?[\d.]+)"
_LINE = re.compile(rf"M{_NUMBER}(?:L|Q-?[\d.]+ -?[\d.]+ ){_NUMBER}")


def ends(links, pair, places=((1.0, 1.0), (9.0, 1.0), (5.0, 9.0)), radius=0.1):
    """Of a straight line between two agents, in a drawing 1000 wide of a world 10 wide."""
    (x, y), (to_x, to_y) = ((100 * a, 1000 - 100 * b) for a, b in (places[pair[0]], places[pair[1]]))
    length = math.hypot(to_x - x, to_y - y)
    share = (100 * radius + CLEAR) / length
    return (x + share * (to_x - x), y + share * (to_y - y), to_x - share * (to_x - x), to_y - share * (to_y - y))


def test_links_are_drawn_as_they_come_and_go():
    """Up, cut, up one way, absent; each from agent to agent."""
    steps = [Links(BOTH), Links((), cut=BOTH), Links(((1, 0),)), Links(((0, 2), (2, 0)))]
    found = HtmlPage(episode_page(episode(*steps)))
    expected = ends(None, (0, 1))
    assert lines_of(found, 0, "up") == [pytest.approx(expected, abs=0.06)]
    assert (lines_of(found, 1, "cut"), lines_of(found, 1, "up")) == ([pytest.approx(expected, abs=0.06)], [])
    one_way = lines_of(found, 2, "up")
    assert one_way[0] == pytest.approx(ends(None, (1, 0)), abs=0.06)  # from 1 to 0, with an arrow there
    assert one_way[1][2:] == pytest.approx(one_way[0][2:], abs=0.06)
    assert lines_of(found, 3, "up") == [pytest.approx(ends(None, (0, 2)), abs=0.06)]
    assert [len(lines_of(found, step, "absent")) for step in range(4)] == [1, 1, 1, 1]  # of two pairs, one at a time
    labels = [attrs["aria-label"] for _, attrs, _ in found.elements if attrs.get("data-step") and "role" in attrs]
    assert labels[0] == "step 0: agent 0 could hear 1; agent 1 could hear 0; agent 2 could hear nobody"
    assert labels[2] == "step 2: agent 0 could hear 1; agent 1 could hear nobody; agent 2 could hear nobody"
    shown = [attrs["data-step"] for _, attrs, _ in found.elements if "data-step" in attrs and "hidden" not in attrs]
    assert set(shown) == {"0"}


def test_a_link_goes_around_an_agent_between_and_stays_in_the_picture():
    places = ((1.0, 9.9), (5.0, 9.9), (9.0, 9.9))
    text = episode_page(episode(Links(((0, 2), (2, 0))), places=places))
    bent = re.search(r'class="up" d="M\S+ \S+Q(\S+) (\S+) ', text)
    across, down = map(float, bent.groups())
    assert across == pytest.approx(500, abs=0.1)
    assert down == pytest.approx(10 + 3 * 10, abs=0.1)  # below the agents: they stand at the upper edge


def test_who_is_down_and_what_is_under_way_is_said():
    text = episode_page(episode(Links(BOTH), Links(BOTH, down=(2,), faults=("crash", "flap"))))
    assert "agent 2 is down" in text
    assert "under way: crash, flap" in text
    assert len(lines_of(HtmlPage(text), 1, "down")) == 2  # a cross


def test_returns_actions_and_rewards():
    found = HtmlPage(episode_page(episode(*[Links(BOTH)] * 5)))
    words = " ".join(" ".join(found.words).split())
    assert "return 3 in 4 steps" in words  # three agents, 0.25 each, four steps
    assert "step 2 of 4 return so far 1.5" in words
    assert words.count("go <on>") == 3 * 4


@pytest.mark.parametrize("drawn", [True, False])
def test_it_is_one_file_that_loads_nothing(drawn):
    """No address but those within the page; what others wrote is text, and no element."""
    text = episode_page(episode(Links(BOTH), Links((), cut=BOTH), drawn=drawn, notes=("<script>alert(1)</script>",)))
    found = HtmlPage(text)
    assert "default-src 'none'" in text
    assert MARK in text
    assert "http:" not in text
    assert "https:" not in text
    assert found.values("src", "srcset", "action", "xlink:href") == []
    assert set(found.values("href")) <= {"data:,"}
    assert "@import" not in text
    assert "<script>alert" not in text
    assert text == episode_page(
        episode(Links(BOTH), Links((), cut=BOTH), drawn=drawn, notes=("<script>alert(1)</script>",))
    )
    assert set(found.values("id")) >= {"play", "previous", "next", "step", "speed", "now"}
    named = {"button", "input", "select"}
    for tag, attrs, above in found.elements:
        if tag in named:
            assert "aria-label" in attrs or "label" in {name for name, _ in above} or tag == "button"


def test_without_a_network_it_says_so_and_draws_no_links():
    found = HtmlPage(episode_page(episode(None, None, network=())))
    assert "There is no network in this scenario" in " ".join(found.words)
    assert not any(lines_of(found, step, kind) for step in range(2) for kind in ("up", "cut", "absent"))
    assert "hear" not in " ".join(found.words)


def test_places_of_the_topology_stand_beside():
    moving = [Links(BOTH, places=((0.0, 0.0), (float(step), 1.0), (5.0, 5.0))) for step in range(3)]
    text = episode_page(episode(*moving))
    assert "Where the network has its agents" in text
    assert "Where the network has its agents" not in episode_page(episode(Links(BOTH)))
    assert len(lines_of(HtmlPage(text), 0, "up")) == 2  # in the environment, and there


def rulers(reach_m, width):
    """By their words, how long the bars of a map are, as a share of what is between the outermost agents."""
    places = ((0.0, 0.0), (width, width / 4), (width / 2, width / 4))
    played = replace(episode(Links(BOTH, places=places)), reach_m=reach_m)
    text = episode_page(played)
    words = re.findall(r'<text class="ruler"[^>]*>([^<]*)<', text)
    return words, [
        (float(end) - 30) * 1.16 / 1000 for end in re.findall(r'class="ruler" d="M30 \S+M30 \d+H([\d.]+)M', text)
    ]


def test_a_map_has_its_scale_in_metres_and_the_range_of_the_agents():
    words, bars = rulers(30.0, 100.0)
    assert (words, bars) == (["20 m", "range 30 m"], pytest.approx([0.2, 0.3], abs=1e-3))
    assert rulers(None, 7.0)[0] == ["2 m"]
    words, bars = rulers(500.0, 0.01)
    assert (words, len(bars)) == (["0.002 m", "range 500 m, beyond this picture"], 1)


def test_a_long_episode_of_a_large_team_is_below_a_megabyte():
    """Twenty agents, every link, fifty steps."""
    places = tuple((5 + 4 * math.cos(0.3 * agent), 5 + 4 * math.sin(0.3 * agent)) for agent in range(20))
    complete = tuple((i, j) for i in range(20) for j in range(20) if i != j)
    every = [Links(complete if step % 2 else complete[:-40]) for step in range(51)]
    assert len(episode_page(episode(*every, places=places)).encode()) < 10**6


EDGES = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(lambda edge: edge[0] != edge[1]))


@given(st.lists(st.tuples(EDGES, EDGES), min_size=1, max_size=6))
def test_runs_tell_every_state_of_every_pair(found):
    """Told back, step by step, they are the links."""
    frames = [Links(tuple(sorted(up)), tuple(sorted(cut - up))) for up, cut in found]
    played = episode(*frames, places=((0.0, 0.0),) * 4, drawn=False)
    for pair in pairs_of(played):
        told = ["absent"] * len(frames)
        for kind, first, last in states(played, pair):
            assert told[first : last + 1] == ["absent"] * (last + 1 - first)
            told[first : last + 1] = [kind] * (last + 1 - first)
        for kind, links in zip(told, frames, strict=True):
            ups = [edge in links.up for edge in (pair, pair[::-1])]
            cuts = [edge in links.cut for edge in (pair, pair[::-1])]
            expected = "up" if all(ups) else "one-way" if any(ups) else "cut" if any(cuts) else "absent"
            assert kind == expected
            assert state_of(links, pair)[0] == ("up" if any(ups) else expected)
