"""What becomes of TD errors between local errors and the update: float16, invalid senders, agents that begin anew."""

import numpy as np
import pytest
import torch
from small_runs import Rows, spied

from dvdn_sim.consensus import apply_float16
from dvdn_sim.errors import DivergedError
from dvdn_sim.training import Loop, Recorder, build

CPU = torch.device("cpu")
SHORT = ("seeds=[0]", "training.steps=150", "evaluation.every=1000")


def loop_of(scenario, watch=lambda progress: None):
    parts, rows = build(scenario, device=CPU), Rows()
    return parts, rows, Loop(parts, Recorder(rows, scenario.seeds, parts.networks), watch)


@pytest.mark.parametrize("rounds", [1, 3])
def test_float16_reaches_the_learner_and_halves_the_bytes(tiny, lossy, rounds):
    """Who heard whom is the policy's business; what they heard was rounded: held again from the reports."""
    changes = (*SHORT, *lossy, f"algorithm.consensus.rounds={rounds}", "network.link.rate=unlimited")
    bytes_sent = {}
    for wire in ("float32", "float16"):
        parts, rows, loop = loop_of(tiny(*changes, f"algorithm.consensus.wire={wire}"))
        seen, reports = spied(parts.learner), []
        (network,) = parts.networks
        exchange = network.exchange

        def kept(*args, exchange=exchange, reports=reports, **kwargs):
            reports.append(exchange(*args, **kwargs))
            return reports[-1]

        network.exchange = kept
        loop.run()
        bytes_sent[wire] = [row["bytes"] for row in rows.exchanges]
        assert len(seen) == len(reports) > 5
        for (td, held), report in zip(seen, reports, strict=True):
            if wire == "float16":
                expected = apply_float16(parts.td_policy, report.facts, td[0].double().numpy())[-1]
            else:
                expected = parts.td_policy.apply(report.facts, td[0].double().numpy())[-1]
            np.testing.assert_allclose(held[0], expected, rtol=0, atol=1e-6)
    first = min(len(each) for each in bytes_sent.values())
    ratio = sum(bytes_sent["float16"][:first]) / sum(bytes_sent["float32"][:first])
    assert 0.5 < ratio < 0.75  # headers are not halved


def test_what_is_no_number_is_taken_in_by_nobody_and_ends_the_run(tiny):
    """Agent 1's parameters break: the others' update is that of an exchange in which nobody heard it."""
    parts, rows, loop = loop_of(tiny(*SHORT, "network.topology={kind: complete}"))
    seen, acted = spied(parts.learner), parts.learner.parameters
    errors = parts.learner.local_errors

    def broken(minibatch, active):
        if len(seen) == 4:
            acted[:, 0, 1] = torch.nan
        return errors(minibatch, active)

    parts.learner.local_errors = broken
    with pytest.raises(DivergedError, match="update 5: TD errors of agent 1 are not finite"):
        loop.run()
    td, held = seen[-1]
    assert bool(held[0, 1].isnan().all())
    # Complete graph of three: weights 1/3; agent 1's returns to its receivers.
    expected = torch.stack([2 * td[0, 0] + td[0, 2], td[0, 0] + 2 * td[0, 2]]) / 3
    torch.testing.assert_close(held[0, [0, 2]], expected)
    assert bool(acted[0, 0, [0, 2]].isfinite().all())
    assert [row["update"] for row in rows.exchanges] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("state", ["kept", "lost"])
def test_an_agent_that_lost_its_state_begins_anew(tiny, state):
    """Agent 2 is down from 5 s to 6 s. If it lost its state it comes back with its first weights, and its Adam forgets;
    in between it acts with the weights that it had, and learns nothing.
    """
    fault = f"network.faults=[{{kind: crash, node: 2, at: 5 s, for: 1 s, state: {state}}}]"
    scenario = tiny(*SHORT, "network.deadline=50 ms", fault)
    after = []

    def watch(progress):
        after.append((loop.parts.networks[0].now_s, parts.learner.parameters.clone(), steps.clone()))

    parts, _, loop = loop_of(scenario, watch)
    first, steps = parts.learner.parameters.clone(), parts.learner._optimiser.steps
    loop.run()
    before = [parameters for now_s, parameters, _ in after if now_s < 5][-1]
    down = [parameters for now_s, parameters, _ in after if 5 <= now_s < 6]
    assert down
    for parameters in down:
        assert torch.equal(parameters[0, 0, 2], before[0, 0, 2])
        assert not torch.equal(parameters[0, 0, 1], before[0, 0, 1])
    back = next(each for each in after if each[0] >= 6)
    moved = (back[1][0, 0, 2] - first[0, 0, 2]).abs().max()
    assert (float(moved) <= 1.01 * scenario.algorithm.lr) == (state == "lost")  # one step of Adam
    learnt = back[2].flatten().tolist()
    assert learnt[0] == learnt[1] > learnt[2]
    assert (learnt[2] == 1) == (state == "lost")


def test_a_crash_during_the_exchange_is_told_once(tiny):
    fault = "network.faults=[{kind: crash, node: 0, at: 10 ms, for: 5 ms, state: lost}]"
    (network,) = build(tiny(*SHORT, "network.deadline=50 ms", fault), device=CPU).networks
    network.act(1)
    assert network.take_restarted().tolist() == [True, False, False]
    assert network.take_restarted().tolist() == [False, False, False]


@pytest.mark.parametrize("acting", ["frozen", "noop"])
def test_what_a_crashed_agent_does_in_the_environment(tiny, acting):
    """Agent 2 is down from 5 s to 8 s; with `noop` it takes the action 0 in every step that begins then."""
    fault = "network.faults=[{kind: crash, node: 2, at: 5 s, for: 3 s}]"
    scenario = tiny(*SHORT, "network.deadline=50 ms", fault, f"network.acting={acting}", "training.epsilon.end=1.0")
    parts, _, loop = loop_of(scenario)
    (network,) = parts.networks
    taken, play = [], parts.train_envs.play

    def watched(act, active):
        begins_ns = network.now_ns
        episodes = play(act, active)
        actions = episodes.actions[0, 0].T[: int(episodes.lengths[0, 0])]
        taken.extend((begins_ns + 100_000_000 * t, actions[t].tolist()) for t in range(len(actions)))
        return episodes

    parts.train_envs.play = watched
    loop.run()
    down = [actions for at_ns, actions in taken if 5e9 <= at_ns < 8e9]
    up = [actions for at_ns, actions in taken if not 5e9 <= at_ns < 8e9]
    assert 20 <= len(down) <= 31
    assert (len({actions[2] for actions in down}) == 1) == (acting == "noop")
    assert (down[0][2] == 0) or acting == "frozen"
    assert len({actions[1] for actions in down}) > 1
    assert len({actions[2] for actions in up}) > 1
