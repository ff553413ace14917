"""What a run is said to take is what its tensors take, part by part; and what cannot fit is refused with what would.

Against the peak of whole processes: tests/soak/memory.py.
"""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.errors import ScenarioError
from dvdn_sim.learners.replay import EpisodeReplay
from dvdn_sim.scenario import load_scenario, parse_scenario
from dvdn_sim.scenario.catalogue import ENVS
from dvdn_sim.scenario.memory import PROCESS, Memory, Part, _with, memory_of, refuse_if_too_large, size_text
from dvdn_sim.scenario.shapes import ROW_BYTES, Shapes, Sizes
from dvdn_sim.training.build import build
from dvdn_sim.training.environments import batches_of

PAPER = sorted((Path(__file__).parents[2] / "scenarios" / "paper").glob("*.yaml"))
CPU = torch.device("cpu")
SCENARIO = """\
name: small
seeds: [0, 1]
env: {kind: lbf, field_size: [6, 6], players: 4, max_num_food: 2, max_food_level: 1, sight: 4, max_episode_steps: 9}
algorithm: {kind: vdn, hidden: 24}
network: {topology: {kind: complete}, link: {rate: unlimited, delay: 1 ms}, control_period: 1 s, compute: 0 s}
training: {steps: 600, batch: 3, buffer: 40, epsilon: {steps: 100}}
evaluation: {every: 200, episodes: 7}
"""


def small(*changes: str):
    return parse_scenario(SCENARIO, changes)


def bytes_of(*owners: object) -> int:
    """Of all memory behind the tensors of some objects, views counted once."""
    storages = {}
    for owner in owners:
        for value in vars(owner).values():
            if isinstance(value, torch.Tensor):
                storages[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
    return sum(storages.values())


def test_every_environment_says_what_a_row_takes():
    assert set(ROW_BYTES) == set(ENVS.values())


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_the_replay_is_known_to_the_byte(path):
    """For every environment and the ring that training makes of it, but for a smaller one."""
    scenario = load_scenario(path, ["training.buffer=40", "seeds=[3, 5]"])
    env = batches_of(scenario.env, None, None)([0], CPU)
    assert Sizes.of(scenario.env) == Sizes(
        env.n_agents, env.obs_dim, env.n_actions, env.episode_limit, Sizes.of(scenario.env).row_bytes
    )
    ring = EpisodeReplay(
        list(scenario.seeds),
        capacity=scenario.training.buffer,
        n_agents=env.n_agents,
        obs_dim=env.obs_dim,
        steps=env.episode_limit,
        reward_dtype=torch.float32,
        device=CPU,
    )
    assert memory_of(scenario)["replay"].size_bytes == ring.size_bytes


def test_and_for_the_package_lbforaging_and_opponents_that_learn():
    for env in ("{kind: lbforaging, field_size: [6, 6], players: 3, max_num_food: 2, sight: 4}",
                "{kind: mpe_tag, opponent: agent}", "{kind: mpe_adversary, opponent: agent, N: 3}"):  # fmt: skip
        scenario = small(f"env={env}")
        assert memory_of(scenario)["replay"].size_bytes == build(scenario, device=CPU).replay.size_bytes


ALGORITHMS = {
    "iql": "{kind: iql, hidden: 24}",
    "shared": "{kind: vdn, hidden: 24, share_parameters: true}",
    "feed_forward": "{kind: vdn, hidden: 24, recurrent: false}",
    "qmix": "{kind: qmix, hidden: 24, mixer_embed: 8}",
    "qmix_shared": "{kind: qmix, hidden: 24, share_parameters: true, agent_ids: false}",
    "dvdn": "{kind: dvdn, hidden: 24}",
    "gt_paper": "{kind: dvdn_gt, hidden: 24}",
    "gt_sums": "{kind: dvdn_gt, hidden: 24, tracking: {form: running_sum}}",
    "networked_q": "{kind: networked_q, hidden: 24, recurrent: false}",
}


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_networks_are_known_to_the_byte(algorithm):
    scenario = small(f"algorithm={algorithm}")
    learner = build(scenario, device=CPU).learner
    moments = [each for each in (learner._optimiser, learner._mixing_optimiser) if each is not None]
    steps = sum(each.steps.nbytes for each in moments)
    tensors = bytes_of(*moments) - steps + learner.parameters.nbytes + learner._tape.gradient.nbytes
    if learner.objective.mixing is not None:
        tensors += learner.objective.mixing.parameters.nbytes + learner.objective.mixing.gradient.nbytes
    assert memory_of(scenario)["networks"].size_bytes == tensors


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_trackers_are_known_but_for_what_is_worked_out_of_them(algorithm):
    """Books, moments and what is in flight; three vectors more for figures, and a copy of what is in flight."""
    scenario = small(f"algorithm={algorithm}")
    parts = build(scenario, device=CPU)
    said = memory_of(scenario)["trackers"].size_bytes
    if parts.tracker is None:
        assert said == 0
        return
    vector = parts.learner.parameters[0].nbytes
    state = sum(each.nbytes for name, each in parts.tracker.state.items() if not name.endswith(("steps", "epochs")))
    denominator, figures = vector, 3 * vector
    copy = parts.tracker.state["in_flight"].nbytes if "in_flight" in parts.tracker.state else 0
    assert said == state + denominator + figures + copy


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
@pytest.mark.parametrize("hidden", [24, 200])
def test_the_tape_is_known_within_a_tenth(algorithm, hidden):
    """Long episodes, so that what is kept of the step under way, a tenth of which there are steps, is little beside."""
    scenario = small(f"algorithm={algorithm}", f"algorithm.hidden={hidden}", "env.max_episode_steps=60")
    learner = build(scenario, device=CPU).learner
    tape = bytes_of(learner._tape, learner._tape.inputs) - learner._tape.gradient.nbytes + learner._d_q.nbytes
    assert Shapes(scenario, Sizes.of(scenario.env))._tape == pytest.approx(tape, rel=0.1)


def test_episodes_hold_what_they_are_said_to(monkeypatch):
    """Twice what comes out of a rollout, for it is stacked out of lists, and as much again of rewards, in double."""
    scenario = small("evaluation.episodes=50", "env.max_episode_steps=40")
    parts = build(scenario, device=CPU)
    shape, rows = (40, 2), 2 * 50
    parts.judge.begin(parts.learner.acting_weights, torch.zeros(2).long().numpy(), torch.ones(shape).double().numpy())
    episodes = parts.stands.play(parts.judge.act, torch.ones(2).bool().numpy())
    out = 2 * (episodes.observations.nbytes + episodes.actions.nbytes) + 3 * episodes.rewards.nbytes
    drawn = 4 * 40 * 120 * rows
    acting = parts.judge._hidden.nbytes * 3 + parts.judge._seen.nbytes
    row_bytes = rows * Sizes.of(scenario.env).row_bytes
    assert memory_of(scenario)["evaluation"].size_bytes == out + drawn + acting + row_bytes


KEYS = ["training.buffer", "training.batch", "evaluation.episodes", "training.episodes_per_iteration",
        "algorithm.hidden", "env.max_episode_steps", "env.players", "training.steps"]  # fmt: skip


@given(st.sampled_from(KEYS), st.integers(10, 50), st.integers(1, 50), st.sampled_from(sorted(ALGORITHMS.values())))
@settings(max_examples=25, deadline=None)
def test_more_of_anything_takes_no_less(key, some, more, algorithm):
    changes = [f"algorithm={algorithm}", "training.buffer=200", "network.deadline=1 s", "env.field_size=[30, 30]"]
    one, other = (memory_of(small(*changes, f"{key}={value}")) for value in (some, some + more))
    assert one.total_bytes <= other.total_bytes
    for part in one.parts:
        if part.name != "records":  # what was held before makes room for them
            assert part.size_bytes <= other[part.name].size_bytes


def test_a_full_network_counts_every_link_and_a_small_one_its_own():
    def links(*changes):
        return memory_of(small("env.field_size=[30, 30]", "env.players=20", *changes))["network"].size_bytes

    assert links() == pytest.approx(9.5 * links("network.topology={kind: ring}"), rel=0.6)
    drawn = links("network.topology={kind: random_connected, edges: 19}")
    assert drawn > links()  # any pair of agents may be linked in time
    assert links("network.link.loss=10%", "network.deadline=1 s") > 1.2 * links()
    assert memory_of(parse_scenario(SCENARIO.replace("network:", "# network:")))["network"].size_bytes == 0


def test_records_count_as_far_as_they_need_more_than_was_held():
    def records(*changes):
        return memory_of(small("network.deadline=1 s", *changes))["records"].size_bytes

    long, updates = "training.steps=90_000_000", 10_000_000  # of nine steps, for each of two seeds
    assert records(long) == pytest.approx(updates * (700 + 2 * 70), rel=0.02)
    # With gradient tracking there are two exchanges, of two rounds and one, with four times in each round.
    tracking = "algorithm={kind: dvdn_gt, hidden: 24, consensus: {rounds: 2}}"
    both = (2 * 950 + 12 * 8) + 2 * (70 + 2 * 220 + 12 * 24)
    assert records(long, tracking) == pytest.approx(updates * both, rel=0.02)
    # As much as the replay held is there again by then.
    replay = memory_of(small("training.buffer=1_000_000"))["replay"].size_bytes
    assert records(long, tracking, "training.buffer=1_000_000") == pytest.approx(updates * both - replay, rel=0.02)


def test_a_line_names_the_parts_that_matter_the_largest_first():
    said = Memory((Part("replay", 2 * 10**9), Part("process", 35 * 10**7), Part("network", 10**6))).text()
    assert said == "2.4 GB: replay 2.0 GB, process 0.3 GB"
    assert [size_text(size) for size in (4e6, 99e6, 1.26e9, 99.4e9, 1e12)] == [
        "0.00 GB", "0.1 GB", "1.3 GB", "99.4 GB", "1000 GB",
    ]  # fmt: skip


LARGE = small("training.buffer=200_000", "evaluation.episodes=20_000", "training.batch=2000", "algorithm.hidden=100",
              "seeds=[0, 1, 2, 3, 4, 5]")  # fmt: skip


@given(st.floats(0.15, 0.98))
@settings(max_examples=50, deadline=None)
def test_what_is_proposed_fits_and_no_more_does(share):
    """Each remedy by itself, as it is worded."""
    limit = int(share * memory_of(LARGE).total_bytes)
    with pytest.raises(ScenarioError) as refused:
        refuse_if_too_large(LARGE, limit_bytes=limit)
    (mistake,) = refused.value.mistakes
    for remedy in mistake.remedy.split(", or ") if "together" not in mistake.remedy else []:
        if "seeds at a time" in remedy:
            key, most = "seeds", int(remedy.split()[0])
        else:
            key, most = remedy.split("`")[1], int(remedy.split()[2])
        refuse_if_too_large(_with(LARGE, key, most), limit_bytes=limit)
        with pytest.raises(ScenarioError):
            refuse_if_too_large(_with(LARGE, key, most + 1), limit_bytes=limit)


def test_what_cannot_fit_is_refused_with_its_largest_parts_and_what_would_fit():
    """The replay alone has 10⁶ · 2 · (4 (1001 · 18 · 4 + 1000 · 6) + 9) bytes, 624.6 GB."""
    changes = ("env.max_episode_steps=1000", "evaluation.episodes=1")
    with pytest.raises(ScenarioError) as refused:
        refuse_if_too_large(small("training.buffer=1_000_000", *changes), limit_bytes=8 * 10**9, source="large.yaml")
    (mistake,) = refused.value.mistakes
    assert refused.value.source == "large.yaml"
    assert mistake.path == "training.buffer"
    assert mistake.message == "the run takes about 625 GB: replay 625 GB; this machine has 8.0 GB"
    most = int(mistake.remedy.removeprefix("at most ").removesuffix(" as `training.buffer`"))
    assert 11_500 < most < 8e9 / 624_601
    refuse_if_too_large(small(f"training.buffer={most}", *changes), limit_bytes=8 * 10**9)


def test_where_nothing_alone_is_enough_all_is_named():
    with pytest.raises(ScenarioError, match=r"less of `training\.buffer`, .*`seeds` together"):
        refuse_if_too_large(LARGE, limit_bytes=PROCESS // 2)


def test_a_gpu_and_the_machine_beside_it_are_asked_for_their_parts():
    memory = memory_of(LARGE)
    on_gpu, beside = memory.on("GPU"), memory.on("host")
    assert {part.name for part in beside.parts} == {"process", "records", "network", "checkpoint"}
    assert on_gpu.total_bytes + beside.total_bytes == memory.total_bytes == memory.on("machine").total_bytes
    refuse_if_too_large(LARGE, place="host", limit_bytes=beside.total_bytes)
    with pytest.raises(ScenarioError, match=r"; the GPU has 7\.0 GB; at most \d+ as `training\.buffer`"):
        refuse_if_too_large(LARGE, place="GPU", limit_bytes=7 * 10**9)
    with pytest.raises(ScenarioError, match=r"beside its GPU this machine has"):
        refuse_if_too_large(LARGE, place="host", limit_bytes=beside.total_bytes - 1)


def test_this_machine_has_enough_for_a_small_run():
    assert refuse_if_too_large(small()) == memory_of(small())
