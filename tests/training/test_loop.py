"""What the loop does when: counters, evaluation points, and ragged replicas."""

import itertools

import pytest
import torch
from small_runs import recorded


@pytest.fixture(scope="module")
def plain(tiny, tmp_path_factory):
    """The scenario as it is, and metrics and network rows of its run."""
    return tiny(), *recorded(tiny(), tmp_path_factory.mktemp("plain") / "run")[:2]


def of(metrics, seed, phase="train"):
    return metrics.filter(seed=seed, phase=phase)


def test_ragged_replicas_all_take_their_steps(tiny, tmp_path):
    """Every seed plays until its own steps are done, not one episode more; then it stands still while others go on."""
    scenario = tiny("seeds=[0,1,2,3,4]")
    learners = []

    def watch(progress, parts):
        learners.append((progress.env_steps.copy(), parts.learner.parameters.clone()))

    metrics, _, _ = recorded(scenario, tmp_path / "run", watch=watch)
    steps, batch = scenario.training.steps, scenario.training.batch
    episodes = []
    for seed in scenario.seeds:
        rows = of(metrics, seed)
        assert rows["env_steps"].to_list() == rows["episode_length"].cum_sum().cast(int).to_list()
        assert rows["env_steps"][-1] >= steps > rows["env_steps"][-2]
        assert rows["episodes"].to_list() == list(range(1, rows.height + 1))
        assert rows["updates"].to_list() == [max(0, n - batch + 1) for n in rows["episodes"]]
        learnt = rows["updates"] > 0
        for name in ("loss", "grad_norm", "q_mean", "q_abs_max", "td_abs_mean"):
            assert rows[name].is_not_null().to_list() == learnt.to_list()
        assert rows["sim_time_s"].to_list() == pytest.approx([0.1 * n for n in rows["env_steps"]])
        episodes.append(rows.height)
    assert len(set(episodes)) > 2
    done = max(range(5), key=lambda replica: -episodes[replica])
    standing = [parameters[:, done] for env_steps, parameters in learners if env_steps[done] >= steps]
    assert len(standing) > 1
    assert all(torch.equal(each, standing[0]) for each in standing)


def test_exploration_follows_the_schedule(plain):
    """Each episode begins with the ε of the steps its own replica has taken before."""
    _, metrics, _ = plain
    for seed in (0, 1):
        rows = of(metrics, seed)
        before = [0, *rows["env_steps"][:-1]]
        assert rows["epsilon"].to_list() == pytest.approx([max(0.05, 1 - 0.95 * n / 300) for n in before])
    assert metrics.filter(phase="evaluation")["epsilon"].unique().to_list() == [0.05]
    assert metrics.filter(phase="random")["epsilon"].unique().to_list() == [1.0]


@pytest.mark.parametrize("every", [7, 150, 10_000])
def test_evaluation_points(tiny, tmp_path, every):
    """Before training, at the first episode end at or after every multiple, and after the last episode; never twice.

    Points that one episode steps over together (every 7 steps, episodes of up to 12) are one evaluation.
    """
    scenario = tiny(f"evaluation.every={every}")
    metrics, _, _ = recorded(scenario, tmp_path / "run")
    steps = scenario.training.steps
    for seed in scenario.seeds:
        expected, point = [0], min(every, steps)
        for n in of(metrics, seed)["env_steps"]:
            if n >= point:
                expected.append(n)
                point = min((n // every + 1) * every, steps)
        rows = of(metrics, seed, "evaluation")
        assert rows["env_steps"].to_list() == expected
        assert rows["env_steps"][-1] == of(metrics, seed)["env_steps"][-1]
        assert rows["episodes_averaged"].unique().to_list() == [3]
        assert of(metrics, seed, "random")["env_steps"].to_list() == [0]


def test_evaluation_does_not_touch_training(plain, tiny, tmp_path):
    """How often, how long and how greedily a team is measured leaves its training as it was, bit for bit."""
    changed = tiny("evaluation.every=37", "evaluation.episodes=5", "evaluation.epsilon=0.5")
    other, _, _ = recorded(changed, tmp_path / "other")
    assert plain[1].filter(phase="train").equals(other.filter(phase="train"))


@pytest.mark.parametrize("algorithm", ["{kind: iql, hidden: 8}", "{kind: vdn, hidden: 8}"])
def test_without_a_network_there_is_no_clock(tiny, tmp_path, algorithm):
    metrics, network, parts = recorded(tiny(f"algorithm={algorithm}", "network=null"), tmp_path / "run")
    assert network.is_empty()
    assert parts.networks == ()
    assert metrics["sim_time_s"].is_null().all()
    assert metrics["bytes_sent"].is_null().all()


def test_the_network_is_asked_once_per_update(plain):
    """An exchange per update of each seed, of 24 + 4 bytes per valid position to each of 2·2 neighbours, one round."""
    scenario, metrics, network = plain
    for seed in scenario.seeds:
        rows = network.filter(seed=seed)
        updates = of(metrics, seed)["updates"].max()
        assert rows["update"].to_list() == list(range(1, updates + 1))
        assert rows["sent"].unique().to_list() == [4]
        assert (rows["bytes"] >= 4 * (24 + 4 * scenario.training.batch)).all()
        assert (rows["bytes"] <= 4 * (24 + 4 * scenario.training.batch * 12 + 100)).all()


def test_as_many_updates_as_episodes_are_the_default(tiny, tmp_path):
    """Written or not, the same bits."""
    runs = [
        recorded(tiny("training.episodes_per_iteration=3", *changes), tmp_path / f"run{len(changes)}")
        for changes in ((), ("training.updates_per_iteration=3",))
    ]
    assert runs[0][0].equals(runs[1][0])
    assert runs[0][1].equals(runs[1][1])


@pytest.mark.parametrize(
    ("episodes", "updates", "after_each"), [(4, 1, [0, 0, 0, 1]), (1, 3, [3]), (3, 2, [0, 1, 1]), (2, 5, [2, 3])]
)
def test_updates_are_spread_over_the_episodes_of_an_iteration(tiny, tmp_path, episodes, updates, after_each):
    """Counts, exchanges and figures of every update; the target network follows after so many updates, not episodes."""
    changes = (f"training.episodes_per_iteration={episodes}", f"training.updates_per_iteration={updates}")
    copied = [set(), set()]

    def watch(progress, parts):
        for replica, followed in enumerate((parts.learner.parameters[0] == parts.learner.parameters[1]).all((1, 2))):
            if followed and progress.updates[replica] > 0:
                copied[replica].add(int(progress.updates[replica]))

    scenario = tiny(*changes, "training.target_update=5")
    metrics, network, parts = recorded(scenario, tmp_path / "run", watch=watch)
    for seed in scenario.seeds:
        rows = of(metrics, seed)
        assert rows.height % episodes == 0
        before = -(-scenario.training.batch // episodes) - 1  # iterations without a full minibatch
        made = [0] * episodes * before + after_each * (rows.height // episodes - before)
        assert rows["updates"].to_list() == list(itertools.accumulate(made))
        assert rows["loss"].is_not_null().to_list() == [each > 0 for each in made]
        exchanges = network.filter(seed=seed)
        assert exchanges["update"].to_list() == list(range(1, sum(made) + 1))
        steps = [
            row["env_steps"] for row, count in zip(rows.iter_rows(named=True), made, strict=True) for _ in range(count)
        ]
        assert exchanges["env_steps"].to_list() == steps
        seen = set(rows["updates"][episodes - 1 :: episodes]) - {0}  # after each iteration
        assert copied[seed] == {count for count in seen if count % 5 == 0}
    assert parts.learner.updates.min() > 5


UNLIKELY = ("seeds=[0,1,2,3,4,5]", "training.steps=100", "training.batch=10")


def test_a_seed_that_ends_before_its_first_minibatch_stops_nobody(tiny, tmp_path):
    """Long episodes: some seeds have taken their steps with too few for an update; together or alone, none fails."""
    metrics, _, _ = recorded(tiny(*UNLIKELY), tmp_path / "run")
    episodes = [of(metrics, seed).height for seed in range(6)]
    assert min(episodes) < 10 <= max(episodes)
    shortest = episodes.index(min(episodes))
    metrics, _, _ = recorded(tiny(*UNLIKELY, f"seeds=[{shortest}]"), tmp_path / "alone")
    assert of(metrics, shortest).height == min(episodes)
    assert of(metrics, shortest)["updates"].max() == 0
