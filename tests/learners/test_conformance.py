"""Every learner of the catalogue: a replica does not depend on its batch, and a finished one stands still.

Decision 2 of docs/design.md; a learner is tested by being listed in `scenario.catalogue.ALGORITHMS`.
"""

import numpy as np
import pytest
import torch
from plain_team import made_up_episodes, ragged
from teams import everyone, exchanged, make_learner, minibatch_of

from dvdn_sim.learners.recurrent_q import RecurrentQ
from dvdn_sim.scenario.catalogue import ALGORITHMS
from dvdn_sim.training.learners import Teams, objective_of

NETWORK = RecurrentQ(obs_dim=3, hidden=8, n_actions=3)
AVAILABLE = np.array([[1, 1, 1], [1, 1, 0]], bool)
SEEDS, BATCH, STEPS, UPDATES = (5, 6, 7), 4, 12, 5
LONGEST = (4, 12, 8)  # of each replica's minibatches

catalogue = pytest.mark.parametrize("kind", ALGORITHMS)


def learner_of(kind, seeds):
    teams = Teams(seeds, n_agents=2, obs_dim=3, device=torch.device("cpu"), dtype=torch.float64)
    return make_learner(
        NETWORK,
        objective_of(ALGORITHMS[kind](), teams),
        seeds=list(seeds),
        available=AVAILABLE,
        steps=STEPS,
        batch=BATCH,
        lr=1e-3,
        clip=0.5,
        target_update=2,
    )


def experience(seed, updates=UPDATES):
    rng = np.random.default_rng(seed)
    minibatches, operators = [], []
    for _ in range(updates):
        lengths = ragged(rng, BATCH, LONGEST[SEEDS.index(seed)])
        minibatches.append(made_up_episodes(rng, lengths, n_agents=2, obs_dim=3, available=AVAILABLE))
        own = rng.random()
        operators.append(np.array([[own, 1 - own], [0.3, 0.7]]))
    return minibatches, operators


def learn(learner, experiences, active=None):
    """One update; experiences holds (minibatch, operator) of each replica."""
    active = everyone(len(experiences)) if active is None else active
    td = learner.local_errors(minibatch_of([minibatch for minibatch, _ in experiences]), active)
    td = td.clone()
    operator = torch.from_numpy(np.stack([operator for _, operator in experiences]))
    return td, learner.update(exchanged(operator, td), active)


def snapshot(learner, replica):
    """All that an update may change of a replica, as bytes."""
    optimiser, statistics = learner._optimiser, learner._statistics
    tensors = (
        learner.parameters[:, replica],
        *(each[replica] for each in (optimiser.first, optimiser.second, optimiser.steps)),
        *(each[replica] for each in (statistics.mean, statistics.variance, statistics.count)),
    )
    return b"".join(tensor.numpy().tobytes() for tensor in tensors) + learner.updates[replica].tobytes()


@catalogue
def test_a_replica_of_a_batch_equals_it_alone(kind):
    """Ragged minibatches, five updates, float64: parameters, targets, statistics and figures, up to summation order."""
    experiences = [list(zip(*experience(seed), strict=True)) for seed in SEEDS]
    together = learner_of(kind, SEEDS)
    alone = [learner_of(kind, [seed]) for seed in SEEDS]
    for update in range(UPDATES):
        _, figures = learn(together, [each[update] for each in experiences])
        for replica, learner in enumerate(alone):
            _, own = learn(learner, [experiences[replica][update]])
            np.testing.assert_allclose(figures.stacked()[:, replica], own.stacked()[:, 0], rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(together.parameters[:, replica], learner.parameters[:, 0], rtol=0, atol=1e-12)
            assert float(together._statistics.mean[replica]) == pytest.approx(
                float(learner._statistics.mean), rel=1e-13
            )
    assert not torch.equal(together.parameters[0], together.parameters[1])


@catalogue
def test_a_frozen_replica_does_not_change_by_a_bit(kind):
    """Frozen for two updates in the middle: not a bit of it moves; afterwards it goes on as if alone."""
    experiences = [list(zip(*experience(seed), strict=True)) for seed in SEEDS]
    together, alone = learner_of(kind, SEEDS), learner_of(kind, SEEDS[1:2])
    for update in range(UPDATES):
        active = np.array([True, update not in (2, 3), True])
        before = [snapshot(together, replica) for replica in range(3)]
        learn(together, [each[update] for each in experiences], active)
        after = [snapshot(together, replica) for replica in range(3)]
        assert [one == other for one, other in zip(before, after, strict=True)] == (~active).tolist()
        if active[1]:
            learn(alone, [experiences[1][update]])
    assert together.updates.tolist() == [5, 3, 5]
    torch.testing.assert_close(together.parameters[:, 1], alone.parameters[:, 0], rtol=0, atol=1e-12)


@catalogue
def test_a_frozen_replica_that_is_not_a_number_harms_nobody(kind):
    """Numbers of one replica never meet another's."""
    experiences = [list(zip(*experience(seed), strict=True)) for seed in SEEDS]
    healthy, ill = learner_of(kind, SEEDS), learner_of(kind, SEEDS)
    ill.parameters[:, 2] = torch.nan
    active = np.array([True, True, False])
    for update in range(2):
        for learner in (healthy, ill):
            learn(learner, [each[update] for each in experiences], active)
    assert torch.equal(healthy.parameters[:, :2], ill.parameters[:, :2])


@catalogue
def test_targets_are_copied_when_due_and_only_then(kind):
    """Hard copy every `target_update` (2) of the replica's own updates."""
    experiences = [list(zip(*experience(seed), strict=True)) for seed in SEEDS]
    learner = learner_of(kind, SEEDS)
    for update in range(UPDATES):
        targets = learner.parameters[1].clone()
        active = np.array([True, update != 0, True])
        learn(learner, [each[update] for each in experiences], active)
        for replica in range(3):
            due = active[replica] and learner.updates[replica] % 2 == 0
            expected = learner.parameters[0, replica] if due else targets[replica]
            assert torch.equal(learner.parameters[1, replica], expected)
