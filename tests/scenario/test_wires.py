"""What is sent, as it is foretold: sizes by hand, by the networks themselves, and by what training really sends."""

from collections import Counter, defaultdict

import pytest
import torch

from dvdn_sim.learners import FeedForwardQ, RecurrentQ, tracker_of
from dvdn_sim.scenario import (
    ENVS,
    VECTORS,
    DvdnGt,
    MessageSpec,
    message_specs,
    parameter_bytes,
    parameter_count,
    parse_scenario,
)
from dvdn_sim.training import Loop, build


def sent(text, *overrides):
    return message_specs(parse_scenario(text, overrides))


def test_dvdn_sends_td_errors(lossy):
    assert sent(lossy) == (
        MessageSpec("td", "consensus", 1, 24 + 4 * 32 * 25, "self", "metropolis", "float32", exchanges=1.0),
    )


def test_what_learns_alone_or_in_one_place_sends_nothing(lossy):
    assert [sent(lossy, f"algorithm={{kind: {kind}}}") for kind in ("iql", "vdn", "qmix")] == [(), (), ()]
    assert sent(lossy, "algorithm.consensus.rounds=0", "network=null") == ()


@pytest.mark.parametrize(
    ("said", "size"),
    [("rounds: 1", 3224), ("policy: running_sum", 3228), ("policy: push_sum", 3228), ("wire: float16", 1624)],
)
def test_a_message_carries_what_its_policy_and_wire_ask_for(lossy, said, size):
    """25 steps of 32 episodes: 800 values, and for a ratio the number that they are shares of."""
    assert [wire.size_bytes for wire in sent(lossy, f"algorithm.consensus={{{said}}}")] == [size]


def gt(**keys):
    said = ", ".join(f"{name}: {value}" for name, value in keys.items())
    return f"algorithm={{kind: dvdn_gt, tracking: {{{said}}}}}"


@pytest.mark.parametrize(
    ("keys", "floats", "exchanges"),
    [
        ({"form": "paper"}, 2 * 26566, 1.0),
        ({"form": "running_sum"}, 2 * 26566, 1.0),
        ({"form": "adapt_then_combine"}, 26566, 2.0),
        ({"form": "paper", "every": 4}, 2 * 26566, 0.25),
        ({"form": "adapt_then_combine", "every": 10}, 26566, 0.2),
        ({"form": "paper", "blocks": 3}, 2 * 8856, 1.0),  # 8855 and 1/3, rounded up
    ],
)
def test_dvdn_gt_sends_parameters_too(lossy, keys, floats, exchanges):
    """26566 parameters, as the DVDN paper's LBF Easy has them: 18 numbers in sight, 64 units, 6 actions."""
    td, found = sent(lossy, gt(**keys))
    assert (td.kind, td.size_bytes) == ("td", 3224)
    assert (found.kind, found.block, found.rounds, found.dtype) == ("gt", "tracking", 1, "float32")
    assert (found.size_bytes, found.exchanges) == (24 + 4 * floats, pytest.approx(exchanges))


def test_networked_q_sends_parameters_alone(lossy):
    (found,) = sent(lossy, "algorithm={kind: networked_q, averaging: {every: 5, blocks: 2, weights: lazy}}")
    assert (found.kind, found.block, found.weights, found.exchanges) == ("gt", "averaging", "lazy", 0.2)
    assert found.size_bytes == 24 + 4 * 13283


def test_another_environment_may_be_given(lossy):
    td, found = message_specs(parse_scenario(lossy, [gt(blocks=2)]), positions=10, parameters=7)
    assert (td.size_bytes, found.size_bytes) == (24 + 40, 24 + 4 * 2 * 4)


@pytest.mark.parametrize("recurrent", [True, False])
@pytest.mark.parametrize("hidden", [1, 64])
@pytest.mark.parametrize("kind", [kind for kind in ENVS if kind != "lbforaging"])
def test_parameters_are_counted_as_the_networks_count_them(lossy, kind, hidden, recurrent):
    options = "field_size: [8, 8], players: 3, max_num_food: 2, sight: 2" if kind == "lbf" else ""
    env = parse_scenario(lossy, [f"env={{kind: {kind}, {options}}}", "network.topology={kind: complete}"]).env
    network = (RecurrentQ if recurrent else FeedForwardQ)(env.obs_dim, hidden, env.n_actions)
    assert parameter_count(DvdnGt(hidden=hidden, recurrent=recurrent), env) == network.parameter_count


@pytest.mark.parametrize(("every", "blocks"), [(1, 1), (3, 4), (1, 10)])
@pytest.mark.parametrize("form", [*VECTORS, "averaging"])
def test_what_trackers_ask_to_be_sent_is_what_is_foretold(lossy, form, blocks, every):
    """Over a whole turn of blocks: the longest message, and how many exchanges there are in an update."""
    keys = f"every: {every}, blocks: {blocks}"
    dvdn_gt = f"{{kind: dvdn_gt, tracking: {{form: {form}, {keys}}}}}"
    algorithm = f"{{kind: networked_q, averaging: {{{keys}}}}}" if form == "averaging" else dvdn_gt
    scenario = parse_scenario(lossy, [f"algorithm={algorithm}"])
    foretold = message_specs(scenario, parameters=11)[-1]
    tracker = tracker_of(scenario.algorithm, torch.zeros(1, 2, 11))
    asked = [tracker.messages(update) for update in range(every * blocks)]
    assert foretold.size_bytes == max(parameter_bytes(floats) for messages in asked for floats in messages)
    assert foretold.exchanges == pytest.approx(sum(map(len, asked)) / len(asked))


SHORT = (
    "env.max_episode_steps=4",
    "env.max_num_food=1",
    "network.topology={kind: complete}",
    "network.link={rate: unlimited, delay: 0 s}",
    "network.share=link",
    "network.deadline=null",
    "training={steps: 150, batch: 2, buffer: 4, epsilon: {steps: 9}}",
    "evaluation={every: 1000, episodes: 1}",
    "seeds=[0]",
)


class Nowhere:
    def __getattr__(self, name):
        return lambda *args, **kwargs: None


@pytest.mark.parametrize(
    "algorithm",
    [
        "{kind: dvdn, hidden: 4, consensus: {rounds: 3, wire: float16}}",
        "{kind: dvdn, hidden: 4, consensus: {rounds: 2, policy: running_sum}}",
        "{kind: dvdn_gt, hidden: 4, tracking: {form: paper, blocks: 4}}",
        "{kind: dvdn_gt, hidden: 4, recurrent: false, tracking: {form: adapt_then_combine, every: 2}}",
        "{kind: dvdn_gt, hidden: 4, consensus: {rounds: 0}, tracking: {form: running_sum, every: 2, blocks: 3}}",
        "{kind: networked_q, hidden: 4, averaging: {every: 3, blocks: 2}}",
    ],
)
def test_training_sends_what_is_foretold(lossy, algorithm):
    """The longest message of each kind, its rounds, and how many exchanges there are in an update."""
    scenario = parse_scenario(lossy, [f"algorithm={algorithm}", *SHORT])
    parts = build(scenario, device=torch.device("cpu"))
    (network,), sizes, rounds = parts.networks, defaultdict(set), {}
    exchange, counts = network.exchange, Counter()

    def watched(kind, **said):
        sizes[kind].add(said["size_bytes"])
        rounds[kind] = said["rounds"]
        counts[kind] += 1
        return exchange(kind, **said)

    network.exchange = watched
    loop = Loop(parts, Nowhere(), lambda _: None)
    loop.run()
    (updates,) = loop.progress.updates
    assert updates >= 12
    foretold = {wire.kind: wire for wire in message_specs(scenario)}
    assert {kind: max(found) for kind, found in sizes.items()} == {k: w.size_bytes for k, w in foretold.items()}
    assert rounds == {kind: wire.rounds for kind, wire in foretold.items()}
    for kind, wire in foretold.items():
        assert abs(counts[kind] - wire.exchanges * updates) <= 2
