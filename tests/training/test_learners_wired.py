"""Every key of an algorithm, of training and of evaluation changes what a run does; and episodes side by side.

Runs are those of tests/references/small_runs.py, on links that lose messages, so that policies and weights matter.
"""

from dataclasses import fields, is_dataclass
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from small_runs import run_small, small

from dvdn_sim.algorithms import Held
from dvdn_sim.learners import counts, epsilon_after, mixed
from dvdn_sim.scenario import ALGORITHMS, Consensus, Evaluation, Training
from dvdn_sim.training import build

LOSSY = ("network.link.loss=40%", "network.acks=true", "network.ack_repeat=3")
UNLIKE = ("env.players=4", "network.topology.edges=4")  # a triangle with a tail may come: all weights differ on it
CHANGED = {
    # What must matter where half of it, one more, or not it, would not; and what must be said beside it.
    "clip": ("0.01",),
    "agent_ids": ("false", "algorithm.share_parameters=true"),
    "consensus.wire": ("float16", "algorithm.consensus.policy=self"),
    "optimiser.epsilon": ("0.01",),
    "optimiser.ceiling": ("1e-6",),
    "optimiser.warmup": ("9",),
    "training.steps": ("90",),
    "training.buffer": ("3",),
    "training.target_tau": ("0.5",),
    "training.updates_per_iteration": ("2",),
    "evaluation.every": ("20",),
    "evaluation.epsilon": ("1.0",),
}


def leaves(kind, before=""):
    """(path, annotation, default) of every key of a dataclass and of those in it; None for keys without a default."""
    hints = get_type_hints(kind)
    for each in fields(kind):
        path, default = f"{before}{each.name}", each.default
        if callable(each.default_factory):
            default = each.default_factory()
        if is_dataclass(default):
            yield from leaves(type(default), f"{path}.")
        elif is_dataclass(hints[each.name]):
            yield from leaves(hints[each.name], f"{path}.")
        else:
            yield path, hints[each.name], default


def other_values(key, annotation, default):
    """What to change a key to, as `--set` takes it, each with what must be said beside it."""
    if key in CHANGED:
        return [CHANGED[key]]
    if get_origin(annotation) is Literal:
        return [(value,) for value in get_args(annotation) if value != default]
    if isinstance(default, bool):
        return [(str(not default).lower(),)]
    if isinstance(default, int):
        return [(str(default + 1),)]
    return [(repr(default / 2),)]


def cases():
    for kind, spec in ALGORITHMS.items():
        for key, annotation, default in leaves(spec):
            for value, *beside in other_values(key, annotation, default):
                yield kind, f"algorithm.{key}={value}", *beside
    for block, spec in (("training", Training), ("evaluation", Evaluation)):
        for key, annotation, _ in leaves(spec):
            default = small()
            for name in (block, *key.split(".")):
                default = getattr(default, name)
            for value, *beside in other_values(f"{block}.{key}", annotation, default):
                yield "dvdn", f"{block}.{key}={value}", *beside


def outcome(*overrides):
    """Everything that a run says and leaves."""
    done = run_small(*overrides)
    parameters = done.parts.learner.parameters
    return done.rows.all_metrics, done.rows.exchanges, tuple(parameters.shape), parameters.flatten().tolist()


BASE = {}


def base(kind, *beside):
    """The run that is changed; each is made once."""
    overrides = (*LOSSY, *UNLIKE, f"algorithm={{kind: {kind}, hidden: 4, lr: 3e-3}}", *beside)
    if overrides not in BASE:
        BASE[overrides] = outcome(*overrides)
    return overrides, BASE[overrides]


@pytest.mark.parametrize(("kind", "change", "beside"), [(k, c, tuple(b)) for k, c, *b in cases()])
def test_every_key_matters(kind, change, beside):
    overrides, before = base(kind, *beside)
    changed = (*overrides, change)
    stands_for_auto = change in {"algorithm.consensus.policy=self", "algorithm.consensus.weights=metropolis"}
    assert (outcome(*changed) == before) == stands_for_auto


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_the_same_run_twice_is_the_same(kind):
    """Else the test above would say nothing."""
    overrides, before = base(kind)
    assert outcome(*overrides) == before


def test_keys_are_found_where_they_are_nested():
    found = {path for path, *_ in leaves(ALGORITHMS["dvdn_gt"])}
    assert {"hidden", "consensus.policy", "tracking.form", "optimiser.warmup"} <= found
    assert {path for path, *_ in leaves(Consensus)} == {"rounds", "policy", "weights", "wire"}
    assert "epsilon.start" in {path for path, *_ in leaves(Training)}


@pytest.mark.parametrize("schedule", ["blocking", "overlap"])
def test_an_agent_that_lost_its_state_acts_with_its_first_weights(schedule):
    """From the first episode after it is back; also where an episode is acted with the weights before an update."""
    acted, back = [], []

    def prepare(parts):
        begin, take = parts.actor.begin, parts.networks[0].take_restarted

        def began(parameters, *rest):
            acted.append((parameters.clone(), any(back)))
            back.clear()
            begin(parameters, *rest)

        def taken():
            restarted = take()
            back.append(bool(restarted[2]))
            return restarted

        parts.actor.begin, parts.networks[0].take_restarted = began, taken

    fault = "network.faults=[{kind: crash, node: 2, at: 2 s, for: 1 s, state: lost}]"
    run_small("algorithm.lr=0.01", f"network.schedule={schedule}", "network.compute=10 ms", fault, prepare=prepare)
    first = acted[0][0]
    (episode,) = [number for number, (_, anew) in enumerate(acted) if anew]
    assert 2 < episode < len(acted) - 1
    weights, before = acted[episode][0], acted[episode - 1][0]
    assert not torch.equal(before[2], first[2])
    assert not torch.equal(weights[1], first[1])
    assert float((weights[2] - first[2]).abs().max()) <= 0.0101 * (schedule == "blocking")  # an update may lie between


def acted_and_updated(*overrides):
    """A run's parts, what each training episode was acted with, and what each update left."""
    acted, updated = [], []

    def prepare(parts):
        begin, step = parts.actor.begin, parts.learner.step

        def beginning(parameters, *rest):
            acted.append(parameters.clone())
            begin(parameters, *rest)

        def updating(*rest):
            step(*rest)
            updated.append(parts.learner.acting_parameters.clone())

        parts.actor.begin, parts.learner.step = beginning, updating

    return run_small(*overrides, prepare=prepare).parts, acted, updated


def test_an_overlapping_episode_is_acted_with_the_parameters_before_the_update_under_way():
    """And takes less simulated time than one that waits for them."""
    now_s = {}
    for schedule, behind in (("blocking", 0), ("overlap", 1)):
        parts, acted, updated = acted_and_updated(f"network.schedule={schedule}", "network.compute=500 ms")
        now_s[schedule] = parts.networks[0].now_s
        first = len(acted) - len(updated)  # episodes before the first update
        assert len(updated) > 5
        for index in range(1 + behind, len(updated)):
            torch.testing.assert_close(acted[first + index], updated[index - 1 - behind], rtol=0, atol=0)
    assert now_s["overlap"] < now_s["blocking"]


@pytest.mark.parametrize("algorithm", ["{kind: dvdn, hidden: 4}", "{kind: iql, hidden: 4}"])
def test_a_crashed_learner_does_not_update_and_the_others_do(algorithm):
    faults = ("network.faults=[{kind: crash, node: 1, at: 0 s}]", "network.deadline=50 ms", f"algorithm={algorithm}")
    first = []
    done = run_small(*faults, prepare=lambda parts: first.append(parts.learner.parameters.clone()))
    assert len(done.rows.updates) > 5
    changed = (done.parts.learner.parameters[0] != first[0][0]).any(-1)
    assert changed[0].tolist() == [True, False, True]


# Episodes side by side


def test_one_episode_per_iteration_is_the_papers_loop():
    """Written out: one episode, one insert, one exchange, one update. Bit for bit what the run leaves."""
    done = run_small(*LOSSY)
    parts = build(done.scenario, device=torch.device("cpu"), dtype=torch.float64)
    learner, replay, training = parts.learner, parts.replay, done.scenario.training
    (network,), everyone, env_steps, played = parts.networks, np.ones(1, bool), 0, 0
    while env_steps < training.steps:
        steps = env_steps + np.arange(parts.train_envs.env.episode_limit)[:, None]
        rates = epsilon_after(training.epsilon, steps)
        parts.actor.begin(learner.acting_parameters, np.array([played]), rates)
        episode = parts.train_envs.play(parts.actor.act, everyone)
        replay.insert(episode, everyone)
        env_steps, played = env_steps + int(episode.lengths[0, 0]), played + 1
        network.act(int(episode.lengths[0, 0]))
        if played < training.batch:
            continue
        minibatch = replay.minibatch(replay.sample_ids(learner.updates, training.batch))
        td, update = learner.local_errors(minibatch, everyone), int(learner.updates[0])
        size_bytes = 24 + 4 * minibatch.positions[0]
        report = network.exchange("td", rounds=1, size_bytes=size_bytes, episode=played - 1, update=update)
        operator = torch.from_numpy(parts.td_policy.operator(report.facts)[-1:])
        learner.differentiate(Held(mixed(operator, td), counts(operator)))
        learner.step(everyone)
    assert played == len(done.rows.of("train"))
    assert torch.equal(learner.parameters, done.parts.learner.parameters)


E = 4
SIDE_BY_SIDE = (*LOSSY, f"training.episodes_per_iteration={E}", "training.steps=200", "network.compute=20 ms")


class Seen:
    """What happened in a run: episodes of each iteration, samples, figures, and with which ε episodes began."""

    def __init__(self):
        self.order, self.episodes, self.samples, self.figures, self.rates = [], [], [], [], []

    def __call__(self, parts):
        def noting(owner, name, note):
            method = getattr(owner, name)

            def noted(*given):
                found = method(*given)
                note(given, found)
                return found

            setattr(owner, name, noted)

        def played(given, episodes):
            self.order.append("act")
            self.episodes.append(episodes)

        def sampled(given, ids):
            self.order.append("sample")
            self.samples.append((int(given[0][0]), int(parts.replay.stored[0])))

        def differentiated(given, figures):
            self.order.append("update")
            self.figures.append((float(figures.loss[0]), float(figures.q_mean[0])))

        noting(parts.train_envs, "play", played)
        noting(parts.replay, "sample_ids", sampled)
        noting(parts.learner, "differentiate", differentiated)
        noting(parts.actor, "begin", lambda given, _: self.rates.append((int(given[1][0]), given[2].copy())))


@pytest.fixture(scope="module")
def side_by_side():
    """One run with four episodes at a time, and what was seen of it."""
    seen = Seen()
    return run_small(*SIDE_BY_SIDE, prepare=seen), seen


def test_episodes_side_by_side_are_followed_by_as_many_updates(side_by_side):
    """Four episodes, then four updates, each with as many steps behind it as one by one; the ring holds all of them."""
    done, seen = side_by_side
    rounds = len(seen.episodes)
    assert rounds > 8
    assert seen.order == ["act", *["sample", "update"] * E] * rounds  # two episodes are a batch: from the first time on
    # Ids are drawn from all that is stored, the newest episodes among them.
    assert seen.samples == [(E * i + n, min(E * (i + 1), 20)) for i in range(rounds) for n in range(E)]
    rows = done.rows.of("train")
    assert len(rows) == len(done.rows.updates) == E * rounds
    lengths = [int(length) for episodes in seen.episodes for length in episodes.lengths[0]]
    assert [row["episode_length"] for row in rows] == lengths
    assert [row["env_steps"] for row in rows] == np.cumsum(lengths).tolist()
    assert [row["episodes"] for row in rows] == [row["updates"] for row in rows] == list(range(1, E * rounds + 1))


def test_each_record_is_of_its_own_episode_and_update(side_by_side):
    done, seen = side_by_side
    rows = done.rows.of("train")
    returns = [value for episodes in seen.episodes for value in episodes.returns[0].tolist()]
    assert [row["return_mean"] for row in rows] == returns
    assert sum(returns) > 0
    assert [(row["loss"], row["q_mean"]) for row in rows] == seen.figures
    td = [row for row in done.rows.exchanges if row["kind"] == "td"]
    assert [(row["update"], row["env_steps"]) for row in td] == [(row["updates"], row["env_steps"]) for row in rows]


def test_the_ring_holds_episodes_in_the_order_of_their_numbers(side_by_side):
    """Episode k, the k-th of all copies in turn, is in slot k mod 20."""
    done, seen = side_by_side
    episodes = [each for batch in seen.episodes for each in batch.one_by_one()]
    assert len(episodes) > 20
    for number in range(len(episodes) - 20, len(episodes)):
        held, steps = done.parts.replay.minibatch(np.array([[number % 20]])), int(episodes[number].lengths[0, 0])
        assert held.lengths.tolist() == [[steps]]
        assert torch.equal(held.rewards[0, :, :, 0], episodes[number].rewards[0, 0, :, :steps])
        assert torch.equal(held.observations[0, :, :, 0], episodes[number].observations[0, 0, :, : steps + 1])


def test_simulated_time_is_that_of_episodes_one_after_the_other(side_by_side):
    """Before each update its own episode is acted, 100 ms a step, and after it the exchange takes its time."""
    done, now_s = side_by_side[0], 0.0
    for row, exchange in zip(done.rows.of("train"), done.rows.exchanges, strict=True):
        now_s += 0.1 * row["episode_length"] + 0.02  # acting, then computing
        assert exchange["sim_time_s"] == pytest.approx(now_s, abs=1e-9)
        now_s += exchange["duration_s"]
        assert row["sim_time_s"] == pytest.approx(now_s, abs=1e-9)
    assert exchange["duration_s"] > 0


def test_exploration_falls_for_all_copies_at_once(side_by_side):
    """At step t of an iteration that began after n steps, ε is that of n + 4 t steps."""
    done, seen = side_by_side
    rows = done.rows.of("train")
    for episodes, epsilon in seen.rates:
        before = rows[episodes - 1]["env_steps"] if episodes else 0
        expected = [max(0.05, 1 - 0.95 * (before + E * t) / 100) for t in range(6)]
        assert epsilon[:, 0].tolist() == pytest.approx(expected)
        assert [row["epsilon"] for row in rows[episodes : episodes + E]] == pytest.approx([expected[0]] * E)


@pytest.mark.parametrize(
    "changes",
    [
        SIDE_BY_SIDE,
        LOSSY,
        ("algorithm={kind: iql, hidden: 4, lr: 3e-3}", "network=null"),
        ("algorithm={kind: vdn, hidden: 4, lr: 3e-3}", "network=null"),
    ],
    ids=["side by side", "dvdn", "iql", "vdn"],
)
def test_a_replica_trains_as_if_alone(changes):
    """Seed 1 of three that end at unlike times is seed 1 alone: what it saw and did, and to rounding what it learnt."""
    changes = (*changes, "training.steps=192", "env.max_num_food=1", "evaluation={every: 30, episodes: 3}")
    together, alone = run_small(*changes, "seeds=[0,1,2]"), run_small(*changes, "seeds=[1]")
    assert len({len(together.rows.of("train", seed)) for seed in range(3)}) > 1
    assert len(alone.rows.of("train", 1)) > 20
    exchanges = [[row for row in done.rows.exchanges if row["seed"] == 1] for done in (together, alone)]
    for mine, others in (
        *((together.rows.of(phase, 1), alone.rows.of(phase, 1)) for phase in ("train", "evaluation", "random")),
        exchanges,
    ):
        for ours, theirs in zip(mine, others, strict=True):
            assert ours == {
                name: pytest.approx(value) if isinstance(value, float) else value for name, value in theirs.items()
            }
    torch.testing.assert_close(together.parts.learner.parameters[:, 1], alone.parts.learner.parameters[:, 0])


def test_copies_play_games_of_their_own(side_by_side):
    """Not one game four times; and copy 0 begins as the only copy of a run without others does."""
    alone = Seen()
    run_small(*LOSSY, "training.steps=6", prepare=alone)
    first, only = side_by_side[1].episodes[0], alone.episodes[0]
    assert len({tuple(copy.flatten().tolist()) for copy in first.observations[0, :, :, 0]}) == E
    assert torch.equal(first.observations[:, 0, :, 0], only.observations[:, 0, :, 0])
