"""Random play: episodes counted by hand, luck of one's own, and the table that a reader can make."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dvdn_sim.envs.catalogue import GAMES
from dvdn_sim.envs.marbler import MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.envs.random_play import Played, game_of, main, play, table_row
from dvdn_sim.scenario import ENVS, Lbf

FILES = Path(__file__).parents[2] / "scenarios" / "tasks"
TASKS = sorted(file.stem for file in FILES.glob("*.yaml"))


def test_returns_and_lengths():
    """Robots that hardly move load nothing: four copies of -0.1 in each of 5 steps."""
    played = play(MaterialTransport(iterations_per_step=1, max_episode_steps=4, row_seeds=range(8)))
    assert played.lengths.tolist() == [5] * 8
    assert played.returns.tolist() == pytest.approx([-2.0] * 8)
    assert not played.collision.any()


def test_steps_after_the_end_do_not_count():
    """The same rows and actions, played by hand: until the end and no further."""
    env = PredatorCapturePrey(row_seeds=range(30), max_episode_steps=30)
    played = play(env, seed=1)
    ended = played.collision | played.boundary
    assert ended.any()
    assert (played.lengths[~ended] == 31).all()
    assert (played.lengths[ended] <= 31).all()
    # A violation pays four times -5; all that came before are -0.05 per step and rewards.
    assert (played.returns[ended] >= 4 * (-5.0 - 0.05 * played.lengths[ended])).all()


def test_actions_are_equally_likely():
    """As seen by the environment: 20 actions of four robots, within 5 standard errors."""

    class Watched(MaterialTransport):
        def advance(self, state, actions):
            seen.append(actions)
            return super().advance(state, actions)

    seen = []
    play(Watched(iterations_per_step=1, max_episode_steps=19, row_seeds=range(50)))
    actions = np.stack(seen)
    assert actions.shape == (20, 50, 4)
    for robot in range(4):
        counts = np.bincount(actions[..., robot].ravel(), minlength=20)
        assert (abs(counts - 50) < 5 * (1000 * 0.05 * 0.95) ** 0.5).all()
    assert abs(np.triu(np.corrcoef(actions.reshape(-1, 4).T), 1)).max() < 5 / 1000**0.5


def test_luck_is_the_seeds():
    env = Warehouse(row_seeds=range(4), max_episode_steps=6)
    assert np.array_equal(play(env, seed=3).returns, play(env, seed=3).returns)
    assert not np.array_equal(play(env, seed=3).returns, play(env, seed=4).returns)


def test_a_line_of_the_table():
    """Mean 2 and spread √2 of two returns: a standard error of 1."""
    played = Played(np.array([1.0, 3.0]), np.array([10, 10]), np.array([True, False]), None)
    assert table_row("task", played) == "| task | 2 | 2.000 ± 1.000 | 10.000 ± 0.000 | 50.0 % | – |"


@pytest.mark.parametrize(
    ("name", "change"),
    [("lbf_easy", {}), ("lbf_easy", {"penalty": 0.25}), ("mpe_spread", {}), ("mpe_spread", {"reward": "individual"}),
     ("mpe_spread", {"reward": "legacy"})],
)  # fmt: skip
def test_no_return_is_beyond_the_bounds_that_the_settings_say(name, change):
    spec = replace(game_of(FILES / f"{name}.yaml", [0]).spec, **change)
    low, high = spec.returns_within
    returns = play(GAMES[spec.kind](spec, row_seeds=range(50)), 3).returns
    assert low <= returns.min() < returns.max() <= high < math.inf


def test_the_bounds_of_foraging_are_the_worst_and_the_best_play():
    """Three players who fail to load at each of 50 steps; all food."""
    spec = Lbf(field_size=(8, 8), players=3, max_num_food=2, sight=2, penalty=0.5)
    assert spec.returns_within == (-75.0, 1.0)
    assert replace(spec, normalize_reward=False).returns_within == (-75.0, math.inf)
    assert ENVS["marbler_warehouse"]().returns_within == (-math.inf, math.inf)


def test_the_command(capsys):
    files = [FILES / "marbler_warehouse.yaml", FILES / "lbf_easy.yaml"]
    main([*map(str, files), "--episodes", "3", "--seed", "5"])
    head, rule, *lines = capsys.readouterr().out.splitlines()
    assert head.count("|") == rule.count("|") == lines[0].count("|") == 7
    assert [line.split("|")[1].strip() for line in lines] == ["marbler_warehouse", "lbf_easy"]
    assert lines[0] == table_row("marbler_warehouse", play(game_of(files[0], range(5, 8)), 5))


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["chess.yaml"], "chess.yaml: cannot be read"),
        ([str(FILES / "../silent_lbf.yaml")], "silent_lbf.yaml: line 7: kind: is missing"),
        ([str(FILES / "lbf_easy.yaml"), "--episodes", "1"], "--episodes 1 found; 2 or more expected"),
    ],
)
def test_refusals(capsys, arguments, found):
    with pytest.raises(SystemExit):
        main(arguments)
    assert found in capsys.readouterr().err


def test_the_table_has_every_task():
    table = (FILES.parents[1] / "docs" / "random_play.md").read_text(encoding="utf-8")
    assert sorted(line.split("|")[1].strip() for line in table.splitlines() if " ± " in line and "|" in line) == TASKS


@pytest.mark.parametrize("task", TASKS)
def test_the_published_table(task):
    """Other seeds give the same figures, within 4.5 standard errors."""
    lines = (FILES.parents[1] / "docs" / "random_play.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"| {task} |")]
    _, episodes, *figures = (cell.strip() for cell in line.strip("|").split("|"))
    count = 60
    played = play(game_of(FILES / f"{task}.yaml", range(9000, 9000 + count)), seed=9000)
    for published, found in zip(figures[:2], (played.returns, played.lengths), strict=True):
        mean, error = (float(number) for number in published.split("±"))
        assert abs(found.mean() - mean) <= 4.5 * (error**2 + found.var(ddof=1) / count) ** 0.5 + 1e-3
    for published, found in zip(figures[2:], (played.collision, played.boundary), strict=True):
        if found is None:
            assert published == "–"
            continue
        share = float(published.removesuffix(" %")) / 100.0
        spread = (share * (1.0 - share) * (1.0 / count + 1.0 / int(episodes))) ** 0.5
        assert abs(found.mean() - share) <= 4.5 * spread + 1e-3
