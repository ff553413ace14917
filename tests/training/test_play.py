"""An episode again: the one that `evaluate` plays, with the links that the network has at each of its steps."""

import numpy as np
import pytest
from edited_folders import edit
from small_runs import SCENARIO

import dvdn_sim
from dvdn_sim import evaluate
from dvdn_sim.envs import ForagingParallelEnv
from dvdn_sim.errors import RunFolderError
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.training import play_episode
from netmodels.topology import Instant, RandomConnected

SEEDS, PERIOD_NS, LIMIT = (3, 4), 10**8, 6
MORE = (f"seeds={list(SEEDS)}", "evaluation={every: 1000, episodes: 4}")
DOWN = "network.faults=[{kind: crash, node: 1, at: 700 ms, for: 300 ms}, {kind: link_down, edge: [0, 2], at: 1 s}]"


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Trains a small scenario under changes; the same folder for the same ones."""
    folders = {}

    def run(*changes, **options):
        if changes not in folders:
            folders[changes] = tmp_path_factory.mktemp("episode") / "run"
            scenario = parse_scenario(SCENARIO, [*MORE, *changes])
            dvdn_sim.run(scenario, device="cpu", out=folders[changes], **options)
        return folders[changes]

    return run


@pytest.mark.parametrize("number", [0, 3, 5])
def test_it_is_the_episode_that_evaluate_plays(train, number):
    """Of both teams, and beyond the episodes of one evaluation."""
    folder = train()
    found = evaluate(folder, episodes=max(4, number + 1), device="cpu")
    for index, seed in enumerate(SEEDS):
        played = play_episode(folder, seed=seed, number=number, device="cpu")
        assert played.returns[-1] == pytest.approx(found.returns[index, number])
        assert len(played.frames) - 1 == found.lengths[index, number]
        assert (played.seed, played.number, played.agents) == (seed, number, ("player_0", "player_1", "player_2"))
    assert play_episode(folder, device="cpu").seed == SEEDS[0]


def test_links_are_the_topologys_at_the_time_of_each_step(train):
    played = play_episode(train(), seed=4, number=2, device="cpu")
    for step, frame in enumerate(played.frames):
        now_ns = 2 * LIMIT * PERIOD_NS + step * PERIOD_NS  # after two of the longest episodes
        assert frame.time_s == pytest.approx(now_ns / 1e9)
        assert frame.links.up == RandomConnected(2).graph(3, 4, Instant(2, now_ns=now_ns)).edges
    graphs = {play_episode(train(), seed=4, number=number, device="cpu").frames[0].links.up for number in range(6)}
    assert len(graphs) > 1  # drawn anew for every episode


def test_faults_cut_links_while_they_last(train):
    """Agent 1 is down from 0.7 s to 1 s; from then on the link between 0 and 2 is."""
    folder = train(DOWN, "network.topology={kind: complete}")
    frames = play_episode(folder, number=1, device="cpu").frames  # begins at 0.6 s
    assert len(frames) > 5
    assert [frame.links.down for frame in frames] == [(), (1,), (1,), (1,), (), (), ()][: len(frames)]
    everything = tuple((i, j) for i in range(3) for j in range(3) if i != j)
    of_one = tuple(edge for edge in everything if 1 in edge)
    cut = [(), of_one, of_one, of_one, ((0, 2), (2, 0)), ((0, 2), (2, 0)), ((0, 2), (2, 0))]
    assert [frame.links.cut for frame in frames] == cut[: len(frames)]
    assert all(sorted((*frame.links.up, *frame.links.cut)) == sorted(everything) for frame in frames)
    later = play_episode(folder, number=1, start_s=0.7, device="cpu").frames
    assert [frame.time_s for frame in later[:2]] == pytest.approx([0.7, 0.8])
    assert later[0].links == frames[1].links


def test_who_is_down_does_nothing_where_the_scenario_says_so(train):
    """As `evaluate` has it, episode after episode; nobody else is kept from acting."""
    folder = train(DOWN, "network.topology={kind: complete}", "network.acting=noop", "evaluation.epsilon=1")
    found = evaluate(folder, device="cpu")
    for number in range(3):
        played = play_episode(folder, number=number, device="cpu")
        assert played.returns[-1] == pytest.approx(found.returns[0, number])
        before = zip(played.frames, played.frames[1:], strict=False)
        assert all(after.actions[1] == "none" for now, after in before if 1 in now.links.down)
        if number == 1:
            assert "does nothing" in played.notes[-1]
    acting = play_episode(train(DOWN, "network.topology={kind: complete}"), number=1, device="cpu")
    assert "goes on acting" in acting.notes[-1]


@pytest.mark.parametrize("permuted", [0, 1])
def test_pictures_have_the_agents_where_the_environment_has_them(train, permuted):
    """North is up, and a step is a cell, by whatever number the agent knows it."""
    played = play_episode(train("evaluation.epsilon=1", f"env.heterogeneity={permuted}"), number=0, device="cpu")
    moves = {"north": (0, 1), "south": (0, -1), "west": (-1, 0), "east": (1, 0)}
    seen = set()
    for now, after in zip(played.frames, played.frames[1:], strict=False):
        for agent, action in enumerate(after.actions):
            moved = np.subtract(after.picture.places[agent], now.picture.places[agent]).round()
            assert not moved.any() or tuple(moved) == moves[action]  # who is in the way is not passed
            seen |= {action} if moved.any() else set()
    assert len(seen) >= 3


@pytest.mark.parametrize(
    ("env", "names"),
    [
        ("{kind: mpe_spread, max_episode_steps: 6}", {"none", "-x", "+x", "-y", "+y"}),
        ("{kind: mpe_tag, max_episode_steps: 6}", {"none", "-x", "+x", "-y", "+y"}),
        ("{kind: marbler_warehouse, max_episode_steps: 3}", {"-x", "+x", "-y", "+y", "stay"}),
        ("{kind: marbler_predator_prey, max_episode_steps: 3}", {"-x", "+x", "-y", "+y", "stay"}),
    ],
)
def test_other_environments(train, env, names):
    """A robot or a particle that goes +x goes to the right in the picture, unless something holds it."""
    played = play_episode(train(f"env={env}", "network.topology={kind: ring}", "evaluation.epsilon=1"), device="cpu")
    assert {action for frame in played.frames[1:] for action in frame.actions} <= names
    for frame in played.frames:
        picture = frame.picture
        assert len(picture.places) == len(played.agents)
        assert all(low <= at <= high for place in picture.places
                   for low, at, high in zip(picture.low, place, picture.high, strict=True))  # fmt: skip
        assert any(stroke.kind == "disc" and stroke.points[0] == pytest.approx(place) for stroke in picture.strokes
                   for place in picture.places[:1])  # fmt: skip
    if "marbler" in env:
        (before, _), (after, _) = played.frames[0].picture.places[0], played.frames[1].picture.places[0]
        signs = {"+x": 1, "-x": -1}
        went = signs.get(played.frames[1].actions[0], 0)
        assert (after - before) * went >= -1e-6


def test_without_a_network_there_are_no_links(train):
    played = play_episode(train("network=null", "algorithm={kind: vdn, hidden: 4}"), device="cpu")
    assert played.network == ()
    assert all(frame.links is None and frame.time_s is None for frame in played.frames)


def test_an_environment_from_python(train):
    """Plays where it is given again, without a picture; without it, that it is missing is told."""

    def make():
        return ForagingParallelEnv(players=3, field_size=(5, 5), max_num_food=1, sight=5, max_episode_steps=6)

    folder = train("name=own", make_env=make)
    with pytest.raises(RunFolderError, match=r"its environment, .*, came from Python"):
        play_episode(folder, device="cpu")
    played = play_episode(folder, number=1, device="cpu", make_env=make)
    found = evaluate(folder, device="cpu", make_env=make)
    assert played.returns[-1] == pytest.approx(found.returns[0, 1])
    assert {frame.picture for frame in played.frames} == {None}
    assert set(played.frames[1].actions) <= set("012345")


def test_what_cannot_be_played_is_refused(train, tmp_path):
    folder = train()
    with pytest.raises(RunFolderError, match="no team of seed 9; it has 3, 4"):
        play_episode(folder, seed=9, device="cpu")
    for wrong in ({"number": -1}, {"start_s": -1.0}, {"start_s": float("nan")}):
        with pytest.raises(ValueError, match="0 or more of each expected"):
            play_episode(folder, device="cpu", **wrong)
    (tmp_path / "scenario.yaml").write_text((folder / "scenario.yaml").read_text())
    with pytest.raises(RunFolderError, match="names no seeds"):
        play_episode(tmp_path, device="cpu")
    edit(tmp_path / "manifest.json", seeds=[3, 4], env="lbf")
    with pytest.raises(RunFolderError, match="there is no trained team; a run that came to its end has one"):
        play_episode(tmp_path, device="cpu")
