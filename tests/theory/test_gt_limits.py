"""Where DVDN (GT) and its relatives meet other algorithms, through the whole learner and whole runs; in float64.

Trackers alone are tested in test_gradient_tracking.py; here are the networks, the errors and the network between them.
"""

import numpy as np
import pytest
import torch
from plain_team import PlainTeam, made_up_episodes, ragged
from small_runs import Direct, run_small
from teams import as_mixer, as_module, in_module_order, minibatch_of, trained

from dvdn_sim.consensus import POLICIES, WEIGHTS, lossless_facts
from dvdn_sim.scenario import ALGORITHMS, Dvdn, DvdnGt, GtAdam, Iql, NetworkedQ, Qmix, Tracking, Vdn
from netmodels.topology import Complete

torch.set_num_threads(1)

SEEDS, BATCH, STEPS, OBS_DIM = (5, 9), 4, 8, 3
ADAM = GtAdam(bias_correction=True)
NO_CLIP = {"hidden": 6, "lr": 3e-3, "clip": None}


def made(spec, n_agents, seeds=SEEDS, **training):
    options = {"target_update": 4} | training
    available = np.ones((n_agents, 3), bool)
    return trained(spec, seeds=seeds, available=available, obs_dim=OBS_DIM, steps=STEPS, batch=BATCH, **options)


def minibatches(n_agents, count, replicas=2):
    rng, available = np.random.default_rng(n_agents), np.ones((n_agents, 3), bool)
    for _ in range(count):
        yield minibatch_of(
            [
                made_up_episodes(
                    rng, ragged(rng, BATCH, STEPS), n_agents=n_agents, obs_dim=OBS_DIM, available=available
                )
                for _ in range(replicas)
            ]
        )


def complete(n_agents):
    """Operators [R, N, N] and facts of an exchange on the complete lossless graph."""
    facts = lossless_facts([Complete().graph(n_agents, seed=0)])
    operator = POLICIES["self"](WEIGHTS["metropolis"]).operator(facts)[-1]
    return np.stack([operator] * len(SEEDS)), [facts] * len(SEEDS)


def side_by_side(form, n_agents, updates, *, recurrent=True, **training):
    """DVDN (GT) on the complete graph, and VDN with one network for all and its gradient over N; and how far apart.

    Yields:
        After each update: the team's online and target parameters [2, R, N, P], and the one network's [2, R, 1, P].
    """
    common = NO_CLIP | {"recurrent": recurrent}
    team = made(DvdnGt(**common, tracking=Tracking(form=form), optimiser=ADAM), n_agents, **training)
    central = made(Vdn(**common, share_parameters=True, agent_ids=False), n_agents, **training).learner
    everyone = np.ones(len(SEEDS), bool)
    operators, facts = complete(n_agents)
    assert torch.equal(team.learner.parameters, central.parameters.expand_as(team.learner.parameters))
    for minibatch in minibatches(n_agents, updates):
        team.learn(minibatch, operators, facts)
        central.local_errors(minibatch, everyone)
        central.differentiate(None)
        central.gradient = central.gradient / n_agents
        central.step(everyone)
        yield team.learner.parameters, central.parameters


@pytest.mark.parametrize("training", [{}, {"target_tau": 0.1}], ids=["hard targets", "soft targets"])
@pytest.mark.parametrize(("n_agents", "recurrent"), [(2, True), (3, True), (3, False), (5, False)])
def test_adapt_then_combine_on_the_complete_graph_is_vdn_with_one_network(n_agents, recurrent, training):
    """Thirty updates, targets among them: every agent has the one network's parameters to 1e-10, and its targets."""
    for ours, theirs in side_by_side("adapt_then_combine", n_agents, 30, recurrent=recurrent, **training):
        torch.testing.assert_close(ours, theirs.expand_as(ours), rtol=0, atol=1e-10)
    start = made(Vdn(**NO_CLIP | {"recurrent": recurrent}, share_parameters=True, agent_ids=False), n_agents)
    assert float((theirs - start.learner.parameters).abs().max()) > 0.01


@pytest.mark.parametrize("form", ["paper", "running_sum"])
def test_other_forms_on_the_complete_graph_are_not(form):
    """The paper's form: agents are apart after the first update, and their mean goes elsewhere."""
    first, *_, (ours, theirs) = ((a[0].clone(), b[0].clone()) for a, b in side_by_side(form, 3, 15))
    apart = (first[0] - first[0].mean(1, keepdim=True)).abs().max()
    assert (float(apart) > 1e-3) == (form == "paper")
    assert float((ours.mean(1, keepdim=True) - theirs).abs().max()) > 1e-3


def test_the_first_update_of_the_papers_form_is_each_agents_own():
    """z = g_i at first: DVDN with Adam, agent by agent, from one start."""
    operators, facts = complete(3)
    (minibatch,) = minibatches(3, 1)
    tracked = made(DvdnGt(**NO_CLIP, optimiser=ADAM), 3)
    tracked.learn(minibatch, operators, facts)
    plain = made(Dvdn(**NO_CLIP), 3)
    plain.learner.parameters[...] = made(DvdnGt(**NO_CLIP), 3).learner.parameters
    plain.learn(minibatch, operators)
    torch.testing.assert_close(tracked.learner.parameters[0], plain.learner.parameters[0], rtol=0, atol=1e-14)


# One agent


ALONE = {
    "dvdn_gt": lambda **options: DvdnGt(**options, optimiser=ADAM),
    **{
        f"{kind}, one network": lambda kind=kind, **options: ALGORITHMS[kind](
            **options, share_parameters=True, agent_ids=False
        )
        for kind in ("iql", "vdn", "qmix")
    },
}
KINDS = [*ALGORITHMS, *(name for name in ALONE if name not in ALGORITHMS)]


@pytest.mark.parametrize("name", KINDS)
def test_one_agent_is_plain_drqn(name):
    """Every kind, ten updates with clipping, to 1e-9; GTAdam with bias correction, QMIX with its mixer."""
    options = {"hidden": 6, "lr": 3e-3, "clip": 1.0}
    one = made(ALONE.get(name, ALGORITHMS.get(name))(**options), 1, seeds=(4,))
    learner, mixing = one.learner, one.learner.mixers
    plain = PlainTeam(
        (Iql if mixing is None else Qmix)(**options),
        [as_module(learner.network, learner.parameters[0, 0, 0])],
        target_update=4,
        available=np.ones((1, 3), bool),
        mixer=None if mixing is None else as_mixer(mixing.mixer, mixing.parameters[0, 0]),
    )
    rng = np.random.default_rng(1)
    for _ in range(10):
        lengths = ragged(rng, BATCH, STEPS)
        episodes = made_up_episodes(rng, lengths, n_agents=1, obs_dim=OBS_DIM, available=np.ones((1, 3), bool))
        one.learn(minibatch_of([episodes]), np.ones((1, 1, 1)))
        plain.update(episodes)
    found = in_module_order(learner.network, learner.parameters[0, 0, 0])
    for mine, theirs in zip(found, plain.agents[0].parameters(), strict=True):
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-9, atol=1e-9)


def test_one_agent_with_gtadam_as_published_is_not():
    """Without bias correction the first step is √10 times as long."""
    (minibatch,) = minibatches(1, 1, replicas=1)
    moved = []
    for spec in (DvdnGt(**NO_CLIP), Iql(**NO_CLIP)):
        one = made(spec, 1, seeds=(4,))
        start = one.learner.parameters[0].clone()
        one.learn(minibatch, np.ones((1, 1, 1)))
        moved.append((one.learner.parameters[0] - start).abs().max())
    assert float(moved[0] / moved[1]) == pytest.approx(10**0.5, rel=1e-3)


def test_networked_q_that_never_exchanges_is_independent_learning():
    """From one start; and on the complete graph at every update agents agree to the bit."""
    alone, iql, together = (made(spec(**NO_CLIP), 3) for spec in (NetworkedQ, Iql, NetworkedQ))
    iql.learner.parameters[...] = alone.learner.parameters
    operators, facts = complete(3)
    for update, minibatch in enumerate(minibatches(3, 8)):
        alone.learn(minibatch)
        iql.learn(minibatch)
        together.learn(minibatch, operators, facts)
        torch.testing.assert_close(alone.learner.parameters, iql.learner.parameters, rtol=0, atol=1e-12)
        online = together.learner.parameters[0]
        apart = float((online - online.mean(1, keepdim=True)).abs().max())
        assert (apart < 1e-15) == (update == 4)  # every fifth update


# Whole runs: Σ z = Σ g, or what is missing


LOSSY = ("algorithm={kind: dvdn_gt, hidden: 4, lr: 3e-3}", "training.steps=130", "network.link.loss=30%")
ACKED = ("network.acks=true", "algorithm.tracking.policy=symmetric")


class Books:
    """Σ z + in flight - Σ g worked out here, after every update, beside what the tracker says of itself."""

    def __init__(self):
        self.off, self.flying, self.gradient = [], [], []

    def __call__(self, parts, progress):
        if not progress.updates[0]:
            return
        state = parts.learner.tracker.state
        flying = state["in_flight"].sum((1, 2)) if "in_flight" in state else torch.zeros(1, 1)
        off = (state["tracker"] - state["gradient"]).sum(1) + flying
        for kept, value in ((self.off, off), (self.flying, flying), (self.gradient, state["gradient"].sum(1))):
            kept.append(float(value.norm()))

    def assert_recorded(self, rows):
        """The metrics say the same of every update."""
        assert len(rows.updates) == len(self.off) > 12
        for name, kept in (
            ("tracker_imbalance", self.off),
            ("tracker_in_flight", self.flying),
            ("tracked_gradient", self.gradient),
        ):
            assert [row[name] for row in rows.updates] == pytest.approx(kept, abs=1e-12), name


@pytest.mark.parametrize("form", ["paper", "adapt_then_combine"])
def test_symmetric_keeps_the_sum_through_a_run(form):
    """30 % loss, acknowledgements that come (each is sent 30 times): links are lost at both ends or at none."""
    books = Books()
    changes = (*LOSSY, *ACKED, "network.ack_repeat=30", f"algorithm.tracking.form={form}")
    done = run_small(*changes, watch=books)
    books.assert_recorded(done.rows)
    exchanges = [row for row in done.rows.exchanges if row["kind"] == "gt"]
    assert sum(row["held"] for row in exchanges) < 0.8 * sum(row["sent"] for row in exchanges)
    assert sum(row["ack_mismatch"] for row in exchanges) == 0
    assert max(books.off) < 1e-13
    assert min(books.gradient) > 0.01


def test_symmetric_keeps_the_sum_until_an_acknowledgement_misleads():
    """Acknowledgements are lost, too: what one end counts and the other does not puts the sum off, from then on."""
    books = Books()
    done = run_small(*LOSSY, *ACKED, watch=books)
    books.assert_recorded(done.rows)
    misled = np.cumsum([row["ack_mismatch"] for row in done.rows.exchanges if row["kind"] == "gt"])
    off = np.array(books.off)
    assert 0 < (misled == 0).sum() < len(off)
    assert off[misled == 0].max() < 1e-13
    assert off[misled > 0].min() > 1e-3


@pytest.mark.parametrize("form", ["paper", "adapt_then_combine"])
def test_a_loss_one_way_puts_the_sum_off_under_self(form):
    """From the first lost message of trackers that were not zero; and it never comes back."""
    books = Books()
    done = run_small(*LOSSY, f"algorithm.tracking.form={form}", watch=books)
    books.assert_recorded(done.rows)
    assert min(books.off[3:]) > 1e-3
    assert done.rows.updates[-1]["tracker_imbalance"] > 0.05 * done.rows.updates[-1]["tracked_gradient"]


@pytest.mark.parametrize(
    "faults",
    ["[]", "[{kind: crash, node: 1, at: 2 s, for: 3 s}]", "[{kind: crash, node: 1, at: 2 s, for: 3 s, state: lost}]"],
    ids=["losses", "a crash", "a crash that loses state"],
)
def test_running_sums_keep_it_with_what_is_in_flight(faults):
    books = Books()
    changes = ("algorithm.tracking.form=running_sum", f"network.faults={faults}")
    done = run_small(*LOSSY, *changes, watch=books)
    books.assert_recorded(done.rows)
    assert max(books.off) < 1e-12
    assert max(books.flying) > 0.1
    assert done.parts.learner.tracker.state["epochs"].tolist() == [int("lost" in faults)]


@pytest.mark.parametrize(
    ("after_ms", "for_ms", "kind", "keeps"),
    [(1.5, 1, "td", True), (2.2, 55, "gt", True), (3.5, 1, "gt", False)],
    ids=["during errors", "before trackers are heard", "after"],
)
def test_an_agent_that_does_not_get_through_stays_as_it_is(after_ms, for_ms, kind, keeps):
    """Agent 1 goes down while errors, or trackers, are under way; each message and acknowledgement takes 1 ms.

    It learns nothing in that update, not a bit. Where errors did not come through it is up again for the trackers, and
    sends, and is not taken in. Where its tracker had been taken in, the sum is off, and the records say so.
    """
    changes = ("algorithm={kind: dvdn_gt, hidden: 4, tracking: {form: adapt_then_combine, policy: symmetric}}",)
    changes += ("network.acks=true", "network.compute=10 ms")
    begins_s = next(row["sim_time_s"] for row in run_small(*changes).rows.exchanges if row["update"] == 4)
    unfinished, steps, books = [], [], Books()

    def prepare(parts):
        (network,), step, parameters = parts.networks, parts.learner.tracker.step, parts.learner.parameters[0, 0]
        exchange = network.exchange

        def exchanged(what, **options):
            report = exchange(what, **options)
            unfinished.extend((options["update"], what, agent) for agent in np.flatnonzero(~report.finished))
            return report

        def stepped(*given, exchanges, learning, **options):
            before = parameters.clone()
            step(*given, exchanges=exchanges, learning=learning, **options)
            moved = (parameters != before).any(1).tolist()
            heard = [each[0].facts.held[:, each[0].facts.edges[:, 0] == 1].any() for each in exchanges]
            steps.append((moved, learning[0].tolist(), heard))

        network.exchange, parts.learner.tracker.step = exchanged, stepped

    crash = f"network.faults=[{{kind: crash, node: 1, at: {begins_s + after_ms / 1000} s, for: {for_ms} ms}}]"
    done = run_small(*changes, crash, watch=books, prepare=prepare)
    assert unfinished == [(3, kind, 1)]
    for update, (moved, learning, heard) in enumerate(steps):
        assert moved == learning == [True, update != 3, True]
        assert update == 3 or all(heard)
    assert kind == "gt" or steps[3][2] == [False, False]
    off = [row["tracker_imbalance"] for row in done.rows.updates]
    assert off == pytest.approx(books.off, abs=1e-12)
    assert max(off[:3]) < 1e-13
    assert (max(off[3:]) < 1e-13) if keeps else (min(off[3:]) > 1e-3)


@pytest.mark.parametrize("schedule", ["blocking", "overlap"])
def test_parameters_are_sent_as_soon_as_errors_are_through(schedule):
    """10 ms of computing before errors and none after them: 1 ms each for errors, trackers and parameters."""
    changes = ("algorithm={kind: dvdn_gt, hidden: 4, tracking: {form: adapt_then_combine}}", "network.compute=10 ms")
    done = run_small(*changes, f"network.schedule={schedule}")
    exchanges = done.rows.exchanges
    assert [row["kind"] for row in exchanges] == ["td", "gt", "gt"] * len(done.rows.updates)
    for errors, trackers, omega in zip(*(exchanges[first::3] for first in range(3)), strict=True):
        assert trackers["sim_time_s"] == pytest.approx(errors["sim_time_s"] + 0.001, abs=1e-9)
        assert omega["sim_time_s"] == pytest.approx(errors["sim_time_s"] + 0.002, abs=1e-9)


@pytest.mark.parametrize(
    ("algorithm", "floats"),
    [
        ("{kind: dvdn_gt}", lambda p, update: [2 * p]),
        ("{kind: dvdn_gt, tracking: {form: adapt_then_combine}}", lambda p, update: [p, p]),
        ("{kind: dvdn_gt, tracking: {form: running_sum, every: 2}}", lambda p, update: [2 * p] * (update % 2)),
        # Three nearly equal blocks in turn, of 296 parameters.
        ("{kind: networked_q, averaging: {every: 1, blocks: 3}}", lambda p, update: [(98, 99, 99)[update % 3]]),
    ],
)
def test_bytes_of_what_is_exchanged(algorithm, floats):
    """24 of header, 4 for every float, and each packet's own overhead, to every neighbour."""
    done = run_small(f"algorithm={algorithm}", "algorithm.hidden=5")
    link, size = done.scenario.network.link, done.parts.learner.network.parameter_count
    assert size == 296
    for update in range(len(done.rows.updates)):
        rows = [row for row in done.rows.exchanges if (row["update"], row["kind"]) == (update + 1, "gt")]
        payloads = [24 + 4 * count for count in floats(size, update)]
        assert [row["bytes"] / row["sent"] for row in rows] == [
            payload + link.overhead * link.packets(payload) for payload in payloads
        ]


# Invariant 2


OF_THE_OPERATOR = ("update", "env_steps", "kind", "rounds", "a_eff", "row_sum_error", "column_sum_error")
OF_THE_OPERATOR += ("disagreement_norm", "lambda_min", "isolated_agents", "jtd_relative_error")


@pytest.mark.parametrize(
    "algorithm",
    [
        "{kind: dvdn_gt, hidden: 4}",
        "{kind: dvdn_gt, hidden: 4, tracking: {form: adapt_then_combine, every: 2, blocks: 3}}",
        "{kind: dvdn_gt, hidden: 4, tracking: {form: running_sum}, consensus: {rounds: 2}}",
        "{kind: networked_q, hidden: 4, averaging: {every: 2}}",
        "{kind: dvdn, hidden: 4, self_estimate: count_aware, consensus: {rounds: 4}}",
    ],
)
def test_a_perfect_network_changes_nothing(algorithm):
    """No delay, no loss, unlimited rate, against operators of the same graphs: metrics and operators bit for bit."""
    changes = (f"algorithm={algorithm}", "network.link.delay=0 ms", "training.steps=100")
    simulated, directly = run_small(*changes), run_small(*changes, wrap=Direct)
    assert len(simulated.rows.updates) > 10
    assert simulated.rows.exchanges
    for ours, theirs in zip(simulated.rows.all_metrics, directly.rows.all_metrics, strict=True):
        assert {**ours, "bytes_sent": 0} == {**theirs, "bytes_sent": 0}
    for ours, theirs in zip(simulated.rows.exchanges, directly.rows.exchanges, strict=True):
        assert ours["held"] == ours["sent"] > 0
        assert [ours[name] for name in OF_THE_OPERATOR] == [theirs[name] for name in OF_THE_OPERATOR]
    assert torch.equal(simulated.parts.learner.parameters, directly.parts.learner.parameters)
