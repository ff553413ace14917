"""The compiled, packed unroll is the padded one, and its tape is that in torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_team import made_up_episodes
from teams import make_learner, minibatch_of, noise, relative

from dvdn_sim.learners import FeedForwardQ, Layout, RecurrentQ, continues
from dvdn_sim.learners.unroll import PackedUnroll, PaddedUnroll
from dvdn_sim.scenario import Vdn
from netmodels.streams import stream

AVAILABLE = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 1]], bool)
LAYOUTS = (
    {"shared": False},
    {"shared": True},
    {"shared": True, "observes_ids": False},
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from((RecurrentQ, FeedForwardQ)),
    st.sampled_from(LAYOUTS),
    st.lists(st.lists(st.integers(1, 9), min_size=4, max_size=4), min_size=1, max_size=3),
    st.sampled_from((torch.float64, torch.float32)),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_packed_equals_padded(kind, layout, lengths, dtype, bootstrap, seed):  # noqa: PLR0917
    """Ragged episodes of several teams, two minibatches through the same buffers."""
    layout = Layout(len(lengths), 3, **layout)
    network = kind(2 + layout.ids, 5, 4)
    rng = np.random.default_rng(seed)
    rows = network.initial_parameters([stream(seed, i) for i in range(2 * layout.rows)]).mul_(1.5).to(dtype)
    parameters = rows.view(2, layout.replicas, layout.networks, -1)
    options = {"steps": 10, "batch": 4, "like": parameters}
    unrolls = [each(network, layout, torch.from_numpy(AVAILABLE), **options) for each in (PackedUnroll, PaddedUnroll)]
    for each in (lengths, [team[::-1] for team in lengths[::-1]]):
        sizes = {"n_agents": 3, "obs_dim": 2, "available": AVAILABLE}
        minibatch = minibatch_of([made_up_episodes(rng, np.array(team), **sizes) for team in each])
        happened = torch.arange(minibatch.actions.shape[2])[:, None] < minibatch.lengths[:, None, None, :]
        timed_out = torch.from_numpy(rng.random(minibatch.lengths.shape) < 0.5) if bootstrap else None
        more = continues(minibatch.lengths, minibatch.actions.shape[2], timed_out)[:, None]
        pull = noise(seed, *minibatch.actions.shape, dtype=dtype)
        found = []
        for unroll in unrolls:
            q_t, value_tp1 = unroll.values(parameters, minibatch, timed_out)
            gradient = unroll.gradient(minibatch, pull)
            found.append([torch.where(happened, q_t, 0.0), torch.where(more, value_tp1, 0.0), gradient])
        for packed, padded in zip(*found, strict=True):
            assert relative(packed, padded) < (1e-12 if dtype == torch.float64 else 1e-4)


def test_a_team_does_not_see_the_others():
    """To the bit, whatever the lengths of the others' episodes."""
    network, layout = RecurrentQ(5, 16, 4), Layout(2, 3)
    rng = np.random.default_rng(0)
    parameters = network.initial_parameters([stream(0, i) for i in range(12)]).float().view(2, 2, 3, -1)
    sizes = {"n_agents": 3, "obs_dim": 5, "available": AVAILABLE}
    one, other = (made_up_episodes(rng, rng.integers(1, longest, 8), **sizes) for longest in (6, 12))
    options = {"steps": 12, "batch": 8, "like": parameters}
    both = PackedUnroll(network, layout, torch.from_numpy(AVAILABLE), **options)
    alone = PackedUnroll(network, Layout(1, 3), torch.from_numpy(AVAILABLE), **options)
    together, own = minibatch_of([one, other], torch.float32), minibatch_of([one], torch.float32)
    steps = own.actions.shape[2]
    for found, expected in zip(
        both.values(parameters, together, None), alone.values(parameters[:, :1], own, None), strict=True
    ):
        assert torch.equal(found[:1, :, :steps], expected)
    pull = noise(1, *together.actions.shape, dtype=torch.float32)
    found = both.gradient(together, pull)
    assert torch.equal(found[:1], alone.gradient(own, pull[:1, :, :steps]))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_the_compiled_tape_is_torchs(dtype, tolerance):
    """Seven sequences, of which five went on and three ended last; twice through the same buffers."""
    network, edges = RecurrentQ(3, 9, 4), np.array([-7, 0, 7, 12, 15])
    parameters = network.initial_parameters([stream(0, i) for i in range(4)]).mul_(1.5).to(dtype)
    tapes = [kind(network, parameters, networks=4, trained=2, steps=4, batch=7) for kind in network.tapes]
    for seed in range(2):
        found = []
        for tape in tapes:
            tape.parameters.copy_(parameters)
            tape.seen[:, :15, :3] = noise(seed, 2, 15, 3, dtype=dtype)
            tape.d_q[..., :15] = noise(9 + seed, 2, 4, 15, dtype=dtype)
            tape.forward(edges)
            found.append((tape.q[..., :15], tape.backward(edges)))
        for compiled, plain in zip(*found, strict=True):
            assert relative(compiled, plain) < tolerance


def test_observations_of_another_length_are_refused():
    learner = make_learner(Vdn(hidden=4), RecurrentQ(5, 4, 4), seeds=[0], available=AVAILABLE, steps=3, batch=1)
    sizes = {"n_agents": 3, "obs_dim": 2, "available": AVAILABLE}
    minibatch = minibatch_of([made_up_episodes(np.random.default_rng(0), np.array([3]), **sizes)])
    with pytest.raises(ValueError, match="observations of 2 numbers found; 5 expected"):
        learner.local_errors(minibatch, np.ones(1, bool))
