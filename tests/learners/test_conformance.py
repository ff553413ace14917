"""Every learner of the catalogue: a replica does not depend on its batch, and a finished one stands still.

Decision 2 of docs/design.md, and invariants 9 and 10; a learner is tested by being listed in
`scenario.catalogue.ALGORITHMS`, and again in each of the ways in which it can be varied.
"""

import numpy as np
import pytest
import torch
from every_learner import CASES, SEEDS, UPDATES, everything, experience, learn, learner_of, three_replicas
from plain_team import relabelled

from dvdn_sim.consensus import Facts
from dvdn_sim.scenario import ALGORITHMS, Dvdn, NetworkedQ

every_learner = pytest.mark.parametrize("name", CASES)
those_that_exchange = pytest.mark.parametrize(
    "name", [name for name, (spec, _) in CASES.items() if isinstance(spec, Dvdn | NetworkedQ)]
)


def snapshot(made, replica):
    return b"".join(tensor[replica].numpy().tobytes() for tensor in everything(made).values())


@every_learner
def test_a_replica_of_a_batch_equals_it_alone(name):
    """Ragged minibatches, five updates, float64: all that it holds, and figures, up to summation order."""
    experiences = three_replicas()
    together = learner_of(name, SEEDS)
    alone = [learner_of(name, [seed]) for seed in SEEDS]
    start = together.learner.parameters.clone()
    for update in range(UPDATES):
        figures = learn(together, [each[update] for each in experiences])
        for replica, own in enumerate(alone):
            own_figures = learn(own, [experiences[replica][update]])
            np.testing.assert_allclose(
                figures.stacked()[:, replica], own_figures.stacked()[:, 0], rtol=1e-10, atol=1e-12
            )
            for key, tensor in everything(together).items():
                torch.testing.assert_close(tensor[replica], everything(own)[key][0], rtol=1e-12, atol=1e-12, msg=key)
    assert float((together.learner.parameters[0] - start[0]).abs().amax((1, 2)).min()) > 1e-3


@every_learner
def test_a_frozen_replica_does_not_change_by_a_bit(name):
    """Frozen for two updates in the middle: not a bit of it moves; afterwards it goes on as if alone."""
    experiences = three_replicas()
    together, alone = learner_of(name, SEEDS), learner_of(name, SEEDS[1:2])
    for update in range(UPDATES):
        active = np.array([True, update not in (2, 3), True])
        before = [snapshot(together, replica) for replica in range(3)]
        learn(together, [each[update] for each in experiences], active)
        after = [snapshot(together, replica) for replica in range(3)]
        assert [one == other for one, other in zip(before, after, strict=True)] == (~active).tolist()
        if active[1]:
            learn(alone, [experiences[1][update]])
    assert together.learner.updates.tolist() == [5, 3, 5]
    torch.testing.assert_close(together.learner.parameters[:, 1], alone.learner.parameters[:, 0], rtol=0, atol=1e-12)


@every_learner
def test_a_frozen_replica_that_is_not_a_number_harms_nobody(name):
    """Numbers of one replica never meet another's."""
    experiences = three_replicas()
    healthy, ill = learner_of(name, SEEDS), learner_of(name, SEEDS)
    ill.learner.parameters[:, 2] = torch.nan
    active = np.array([True, True, False])
    for update in range(2):
        for made in (healthy, ill):
            learn(made, [each[update] for each in experiences], active)
    for key, tensor in everything(healthy).items():
        assert torch.equal(tensor[:2], everything(ill)[key][:2]), key


@every_learner
def test_targets_follow_when_due_and_only_then(name):
    """A hard copy after every `target_update` (2) of a network's own updates, or a part of the way after each.

    In the first update replica 1 is frozen. In the second, agent 0 of replica 2 does not learn: a network of its own is
    one behind from then on.
    """
    experiences, tau = three_replicas(), CASES[name][1].get("target_tau")
    made = learner_of(name, SEEDS)
    learner, mixing = made.learner, made.learner.mixers
    shared = learner.layout.shared
    own = np.zeros((3, 3), int)
    for update in range(UPDATES):
        before, mixer_before = learner.parameters[1].clone(), None if mixing is None else mixing.parameters[1].clone()
        active = np.ones((3, 3), bool)
        active[1] = update != 0
        active[2, 0] = update != 1
        learn(made, [each[update] for each in experiences], active)
        learnt = np.repeat(active.any(1)[:, None], 3, 1) if shared else active
        own += learnt
        due = learnt & ((own % 2 == 0) if tau is None else True)
        part = 1.0 if tau is None else tau
        for replica, network in np.ndindex(3, learner.layout.networks):
            online, target = learner.parameters[:, replica, network]
            start = before[replica, network]
            if due[replica, network]:
                torch.testing.assert_close(target, start + part * (online - start), rtol=0, atol=1e-15)
            else:
                assert torch.equal(target, start)
        if mixing is not None:
            for replica in np.flatnonzero(active.any(1) & ((learner.updates % 2 == 0) if tau is None else True)):
                expected = mixer_before[replica] + part * (mixing.parameters[0, replica] - mixer_before[replica])
                torch.testing.assert_close(mixing.parameters[1, replica], expected, rtol=0, atol=1e-15)
    if not shared:
        assert learner._own_updates[2].tolist() == [UPDATES - 1, UPDATES, UPDATES]


@every_learner
def test_an_agent_that_begins_anew_is_as_it_was_at_first(name):
    """Its weights online and target, its moments and its count; nobody else's, unless they share."""
    made = learner_of(name, SEEDS[:1])
    learner, start = made.learner, made.learner.parameters.clone()
    for each in experience(5, 3):
        learn(made, [each])
    before = learner.parameters.clone()
    anew = learner.restart(np.array([[False, True, False]]))
    assert anew.tolist() == ([[True]] if learner.layout.shared else [[False, True, False]])
    assert torch.equal(learner.parameters[:, anew], start[:, anew])
    assert torch.equal(learner.parameters[:, ~anew], before[:, ~anew])
    assert learner._own_updates[anew.numpy()].tolist() == [0]
    (first,) = (tensor for key, tensor in everything(made).items() if key.startswith("optim") and key.endswith("first"))
    assert not first[anew].any()


# Names of agents mean nothing


def relabelled_facts(facts, order):
    """The same when agent order[i] stands in place i."""
    edges = np.argsort(order)[facts.edges]
    by_sender = np.lexsort((edges[:, 1], edges[:, 0]))
    return Facts(facts.n_agents, edges[by_sender], facts.active[:, by_sender], facts.latest[:, by_sender])


def relabelled_rows(made, order):
    """Online and target parameters [2, R, G, P], and the mixer's [2, R, P], when agent order[i] stands in place i."""
    learner, mixing, n = made.learner, made.learner.mixers, len(order)
    rows, mixer_rows = learner.parameters.clone(), None if mixing is None else mixing.parameters.clone()
    if not learner.layout.shared:
        rows = rows[:, :, list(order)]
    elif learner.layout.ids:
        w1 = learner.network.weights(rows.flatten(0, 2))[0]
        w1[:, -1 - n : -1] = w1[:, -1 - n : -1][:, list(order)]  # of the agents' numbers; the bias comes last
    if mixing is not None:
        weights = mixing.mixer.weights(mixer_rows.flatten(0, 1))
        blocks, columns = weights.from_state[:, :-1].unflatten(1, (n, -1)), weights.w1.unflatten(2, (n, -1))
        blocks.copy_(blocks[:, list(order)])
        columns.copy_(columns[:, :, list(order)])
    return rows, mixer_rows


@every_learner
@pytest.mark.parametrize("order", [(1, 2, 3, 0), (3, 1, 0, 2)])
def test_relabelling_agents_relabels_the_result(name, order):
    """Invariant 9: agents with their keys, data, actions, links and numbers; those of a mixer, too. To rounding."""
    rng = np.random.default_rng(sum(order[:2]))
    available = rng.random((4, 3)) < 0.6
    available[:, 1] = True
    one = learner_of(name, [4], available, agent_keys=(0, 1, 2, 3))
    other = learner_of(name, [4], available[list(order)], agent_keys=order)
    rows, mixer_rows = relabelled_rows(one, order)
    if one.learner.layout.shared:
        other.learner.parameters.copy_(rows)
    assert torch.equal(other.learner.parameters, rows)  # agents of their own begin as their keys say
    if mixer_rows is not None:
        other.learner.mixers.parameters.copy_(mixer_rows)
    for episodes, facts in experience(9, 4, available):
        learn(one, [(episodes, facts)])
        learn(other, [([relabelled(each, list(order)) for each in episodes], relabelled_facts(facts, order))])
    rows, mixer_rows = relabelled_rows(one, order)
    torch.testing.assert_close(other.learner.parameters, rows, rtol=1e-10, atol=1e-10)
    if mixer_rows is not None:
        torch.testing.assert_close(other.learner.mixers.parameters, mixer_rows, rtol=1e-10, atol=1e-10)


@those_that_exchange
def test_an_unheard_agent_changes_nobody(name):
    """Invariant 10, through five updates: an agent whose parameters are off by 1000 and whom nobody hears."""
    outcomes = []
    for off in (0.0, 1000.0):
        made = learner_of(name, SEEDS[:1])
        made.learner.parameters[:, :, 1] += off
        for each in experience(5, unheard=1):
            learn(made, [each])
        outcomes.append({key: tensor.clone() for key, tensor in everything(made).items()})
    quiet, loud = outcomes
    others = [0, 2]
    for key in ("parameters", "target parameters", *(key for key in quiet if key.startswith("optimiser"))):
        if quiet[key].shape[1:2] != (3,) or "in_flight" in key or "steps" in key:
            continue
        assert torch.equal(quiet[key][:, others], loud[key][:, others]), key
        assert not torch.equal(quiet[key][:, 1], loud[key][:, 1]), key


@those_that_exchange
def test_a_heard_agent_changes_others(name):
    """The test above could fail."""
    outcomes = []
    for off in (0.0, 1000.0):
        made = learner_of(name, SEEDS[:1])
        made.learner.parameters[:, :, 1] += off
        for each in experience(5):
            learn(made, [each])
        outcomes.append(made.learner.parameters[:, :, [0, 2]].clone())
    assert not torch.equal(*outcomes)


def test_nobody_is_left_out():
    assert {type(spec) for spec, _ in CASES.values()} == set(ALGORITHMS.values())
