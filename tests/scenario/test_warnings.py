"""Each warning where it is due, with its figures, and nowhere else; and that what it says is so."""

import numpy as np
import pytest

from dvdn_sim.consensus import WEIGHTS, weight_matrix
from dvdn_sim.network import SimulatedNetwork
from dvdn_sim.scenario import load_scenario, message_specs, parse_scenario, warnings_of
from netmodels.presets import PRESETS, RADIOS
from netmodels.topology import Edges, ErdosRenyi

FOUR = ("env.players=4", "network.link.loss=0%")
SHORT = "env.max_episode_steps=10"  # messages of one packet
RING = (*FOUR, "network.topology={kind: ring}")
METROPOLIS = "algorithm.consensus.weights=metropolis"
DVDN_GT = "algorithm={kind: dvdn_gt, tracking: {form: paper}}"
RUNNING_SUM = "algorithm={kind: dvdn_gt, tracking: {form: running_sum}}"
SYMMETRIC = "algorithm={kind: dvdn_gt, tracking: {form: paper, policy: symmetric}}"


def warned(text, *overrides, **options):
    return warnings_of(parse_scenario(text, overrides), **options)


def only(found):
    (warning,) = found
    return warning


def test_nothing_to_mind(lossy, request):
    assert warned(lossy) == []
    shipped = request.config.rootpath / "scenarios"
    found = {
        path.stem: warnings_of(load_scenario(path)) for path in [*shipped.glob("*.yaml"), *shipped.glob("paper/*")]
    }
    assert len(found) > 30
    assert {name for name, warnings in found.items() if warnings} == {"silent_lbf"}
    assert "never arrive" in only(found["silent_lbf"])


# Smallest eigenvalue of a graph that stays


@pytest.mark.parametrize(
    ("topology", "players", "least"),
    [("{kind: ring}", 4, -1 / 3), ("{kind: path}", 4, -0.138), ("{kind: ring}", 5, -0.206), ("{kind: ring}", 6, -1 / 3),
     ("{kind: edges, edges: [[0, 1], [1, 2], [2, 3], [3, 0]]}", 4, -1 / 3),
     ("{kind: schedule, entries: [{at: 0 s, topology: {kind: ring}}]}", 4, -1 / 3)],
)  # fmt: skip
def test_a_graph_that_stays_with_a_negative_eigenvalue(lossy, topology, players, least):
    """Rings, (1 + 2 cos θ)/3 at the largest θ = 2πk/N; a path, (1 + 2 cos θ)/3 at θ = π(N - 1)/N. K rounds: its power;
    with loss, the weight that returns to oneself, 1 - q + q λ."""
    changes = (f"env.players={players}", f"network.topology={topology}", SHORT)
    warning = only(warned(lossy, *changes, "network.link.loss=0%"))
    assert f"λ_min = {least:.3f}" in warning
    assert "can diverge" in warning
    for remedy in ("`weights: lazy`", "`rounds: 2`", "`topology: {kind: random_connected}`"):
        assert remedy in warning
    three = warned(lossy, *changes, "network.link.loss=0%", "algorithm.consensus.rounds=3")
    assert (f"λ_min = {least**3:.3f}" in only(three)) if least**3 < -0.005 else three == []
    assert f"λ_min = {0.02 + 0.98 * least:.3f}" in only(warned(lossy, *changes, "network.link.loss=2%"))


def test_of_several_weights_those_that_are_chosen_count(lossy):
    """A ring of four with a tail of two."""
    edges = [[0, 1], [1, 2], [2, 3], [3, 0], [3, 4], [4, 5]]
    tailed = ("env.players=6", f"network.topology={{kind: edges, edges: {edges}}}", "network.link.loss=0%")
    for name in ("metropolis", "max_degree"):
        pulls = weight_matrix(WEIGHTS[name], Edges(edges).graph(6, 0))
        least = np.linalg.eigvalsh(pulls + np.diag(1.0 - pulls.sum(1)))[0]
        assert f"λ_min = {least:.3f}" in only(warned(lossy, *tailed, f"algorithm.consensus.weights={name}"))


@pytest.mark.parametrize(
    "remedy",
    ["algorithm.consensus.weights=lazy", "algorithm.consensus.rounds=2", "network.topology={kind: random_connected}",
     "network.topology={kind: complete}", "algorithm={kind: networked_q}", "algorithm={kind: vdn}",
     "network.topology={kind: edge_markov, up: 1 s, down: 1 s, base: {kind: ring}}", "env.players=3"],
)  # fmt: skip
def test_what_mends_it(lossy, remedy):
    assert only(warned(lossy, *RING))
    assert warned(lossy, *RING, remedy) == []


COMPLETE = ("network.topology={kind: complete}", SHORT)


@pytest.mark.parametrize(
    ("policy", "rounds", "loss", "least"),
    [("running_sum", 2, "20%", -0.044), ("running_sum", 3, "20%", -0.020), ("running_sum", 4, "20%", None),
     ("running_sum", 2, "40%", -0.031), ("running_sum", 3, "40%", -0.063), ("running_sum", 4, "40%", -0.030),
     ("running_sum", 2, "60%", None), ("running_sum", 3, "60%", -0.058), ("running_sum", 10, "60%", None),
     ("running_sum", 4, "0%", None), ("stale", 3, "40%", -0.038), ("push_sum", 4, "40%", None),
     ("renormalize", 4, "40%", None), ("self", 4, "40%", None), ("zero_fill", 4, "40%", None)],
)  # fmt: skip
def test_loss_itself_makes_some_policies_climb(lossy, policy, rounds, loss, least):
    """On a complete graph, which is safe without loss; where it was seen to ruin learning (docs/method.md)."""
    changes = (f"algorithm.consensus={{rounds: {rounds}, policy: {policy}}}", f"network.link.loss={loss}")
    found = warned(lossy, *COMPLETE, *changes)
    if least is None:
        assert found == []
        return
    told = float(only(found).partition("λ_min = ")[2].partition(" ")[0])
    assert told == pytest.approx(least, abs=0.004)
    assert "`policy: self`" in found[0]


FLAP = "network.faults=[{kind: flap, up: 30 s, down: 20 s}]"
OUTAGES = "network.topology={kind: edge_markov, up: 30 s, down: 20 s}"


@pytest.mark.parametrize(
    ("change", "policy", "least"),
    [(FLAP, "running_sum", -1 / 6), (FLAP, "renormalize", -1 / 6), (FLAP, "self", None),
     (OUTAGES, "running_sum", -0.150), (OUTAGES, "self", None),
     (FLAP.replace("30 s, down: 20 s", "300 ms, down: 200 ms"), "running_sum", None),
     ("network.faults=[{kind: link_down, edge: [0, 1], at: 100 s}]", "running_sum", -1 / 6),
     ("network.faults=[{kind: link_down, edge: [0, 1], at: 200 h}]", "running_sum", None),
     ("network.faults=[{kind: partition, groups: [[0]], at: 100 s}]", "running_sum", None)],
)  # fmt: skip
def test_what_stays_for_some_updates_counts(lossy, change, policy, least):
    """With one of three links down, equal shares 1/(1 + heard) are [[½, ½, 0], [⅓, ⅓, ⅓], [0, ½, ½]]: 1, ½, -1/6. Where
    the topology leaves it out, shares are by links: [[½, ⅓, 0], [½, ⅓, ½], [0, ⅓, ½]], and their ratio has -0.15."""
    still = ("network.link.loss=0%", "network.topology={kind: complete}", "training.steps=50_000")
    found = [w for w in warned(lossy, *still, change, f"algorithm.consensus.policy={policy}") if "diverge" in w]
    if least is None:
        assert found == []
    else:
        assert f"of the time, an eigenvalue λ_min = {least:.3f} below 0" in only(found)
        assert "`policy: self`" in found[0]


def test_how_long_it_stays_is_told(lossy):
    """Links up for 30 s and down for 20 s: one of three is down 43 % of the time, and stays so for two updates, 5 s,
    with probability exp(-5 s (2/30 s + 1/20 s)) = 56 %: 24 %, of 60 moments."""
    changes = ("network.topology={kind: complete}", FLAP, "network.link.loss=0%", "training.steps=2_000_000")
    warning = only(warned(lossy, *changes, "algorithm.consensus.policy=running_sum"))
    share = float(warning.partition("for ")[2].partition("%")[0]) / 100
    assert share == pytest.approx(0.24, abs=3 * np.sqrt(0.24 * 0.76 / 60))


@pytest.mark.parametrize("topology", ["ring", "path", "star", "grid", "edge_markov, up: 100 s, down: 100 s"])
def test_by_default_no_graph_that_stays_makes_learning_climb(lossy, topology):
    for rounds in (1, 2, 3):
        mixing = f"algorithm={{kind: dvdn, consensus: {{rounds: {rounds}}}}}"
        assert warned(lossy, *FOUR, SHORT, f"network.topology={{kind: {topology}}}", mixing) == []


def test_a_square_that_outages_leave_of_four_agents_makes_metropolis_weights_climb(lossy):
    changes = ("network.topology={kind: edge_markov, up: 100 s, down: 100 s}", METROPOLIS)
    assert "λ_min = -0.333 below 0" in only(warned(lossy, *FOUR, SHORT, *changes))


def test_entries_of_a_schedule_count_each(lossy):
    """A square for the last quarter of the run, the complete graph before."""
    entries = "[{at: 0 s, topology: {kind: complete}}, {at: 3000 s, topology: {kind: ring}}]"
    changes = (f"network.topology={{kind: schedule, entries: {entries}}}", "training.steps=40_000")
    assert "for 25% of the time, an eigenvalue λ_min = -0.333 below 0" in only(warned(lossy, *FOUR, SHORT, *changes))
    assert warned(lossy, *FOUR, SHORT, *changes, "algorithm.consensus.weights=auto") == []


def test_every_remedy_works(lossy):
    """Lazy weights are no help to ratio consensus, which takes no heed of them, and are not offered there."""
    for changes in (RING, (*COMPLETE, "network.link.loss=40%"), (*COMPLETE, FLAP)):
        for policy in ("self", "running_sum", "stale", "renormalize", "push_sum"):
            bad = (*changes, SHORT, f"algorithm.consensus={{rounds: 3, policy: {policy}}}")
            for warning in warned(lossy, *bad):
                remedies = warning.partition("; write ")[2].split(", or ")
                assert (remedies[0] == "`weights: lazy`") == (policy not in {"running_sum", "push_sum"})
                for remedy in remedies:
                    pairs = [each.strip("`").split(": ", 1) for each in remedy.split(" with ")]
                    paths = {"topology": "network.topology"}
                    sets = [f"{paths.get(key, f'algorithm.consensus.{key}')}={value}" for key, value in pairs]
                    assert warned(lossy, *bad, *sets) == []


def test_ratio_consensus_with_one_way_links_is_not_symmetric_and_safe_on_a_cycle(lossy):
    """Eigenvalues (1 + e^iθ)/2 lie to the right of 0."""
    one_way = "network.topology={kind: edges, edges: [[0, 1], [1, 2], [2, 0]], directed: true}"
    assert warned(lossy, one_way, "algorithm.consensus.policy=running_sum", "network.link.loss=0%") == []


def test_every_seed_has_a_graph_of_its_own_if_it_is_drawn(lossy):
    drawn = ("env.players=6", "network.link.loss=0%", "network.topology={kind: erdos_renyi, p: 50%, connected: true}")
    least = {}
    for seed in range(12):
        found = warned(lossy, *drawn, f"seeds=[{seed}]")
        least[seed] = float(found[0].partition("λ_min = ")[2].partition(" ")[0]) if found else 0.0
    assert 0.0 > min(least.values()) < max(least.values())
    worst = min(least, key=least.get)
    together = only(warned(lossy, *drawn, f"seeds={list(range(12))}"))
    assert f"λ_min = {least[worst]:.3f}" in together
    assert f"(seed {worst})" in together


def test_more_agents_than_the_environment_has(lossy):
    assert warned(lossy, "network.topology={kind: ring}", "network.link.loss=0%") == []
    assert "-0.333" in only(warned(lossy, "network.topology={kind: ring}", "network.link.loss=0%", n_agents=4))
    assert warned(lossy, "network.topology={kind: random_connected, edges: 2}", n_agents=6) == []


# Deadlines that are too short


SLOW = ("network.link={rate: 1 Mbit/s, delay: 5 ms, loss: 10%}", "network.share=link", "network.compute=10 ms")


def test_a_deadline_before_any_message_is_there(lossy):
    """3224 + 3·28 bytes at 1 Mbit/s: 26.464 ms, and 5 ms on the way; and the simulator: none lost, and none held."""
    warning = only(warned(lossy, *SLOW, "network.deadline=31.4 ms"))
    assert "TD errors come too late: " in warning
    assert "at least 31.46 ms over `network.link`, and `network.deadline` is 31.4 ms;" in warning
    assert "`training.batch`" in warning
    assert warned(lossy, *SLOW, "network.deadline=auto") == []
    for deadline_ms, late in ((31.464, False), (31.463, True)):
        exact = ("network.link.loss=0%", f"network.deadline={deadline_ms} ms", "network.topology={kind: complete}")
        scenario = parse_scenario(lossy, (*SLOW, *exact))
        network = SimulatedNetwork(scenario.network, n_agents=3, seed=0)
        size_bytes = message_specs(scenario)[0].size_bytes
        report = network.exchange("td", rounds=1, size_bytes=size_bytes, episode=0, update=0)
        assert report.messages.delivered == (0 if late else 6)
        assert bool(warnings_of(scenario)) == late


def test_agents_that_begin_at_different_times_may_be_in_time(lossy):
    early, late = "too late (only who begins that much earlier than others is heard):", (*SLOW, "network.deadline=9 ms")
    assert early in only(warned(lossy, *late, "network.compute={kind: normal, mean: 10 ms, jitter: 3 ms}"))
    assert early not in only(warned(lossy, *late))


def test_the_shortest_delay_counts(lossy):
    """Uniform from 1 to 9 ms: 26.464 ms and 1 ms."""
    spread = "network.link.delay={kind: uniform, mean: 5 ms, jitter: 4 ms}"
    assert "27.46 ms" in only(warned(lossy, *SLOW, spread, "network.deadline=27.4 ms"))
    assert warned(lossy, *SLOW, spread, "network.deadline=27.5 ms") == []


def test_parameters_may_be_late_where_td_errors_are_not(lossy):
    """212552 + 145·28 bytes: 1.733 s."""
    link = "network.link={rate: 1 Mbit/s, delay: 5 ms}"
    warning = only(warned(lossy, *SLOW, link, DVDN_GT, "network.deadline=1 s"))
    assert "parameters and trackers come too late: the longest take at least 1.738 s" in warning
    assert "`algorithm.tracking.blocks`" in warning
    assert warned(lossy, *SLOW, link, DVDN_GT, "network.deadline=1 s", "algorithm.tracking.blocks=2") == []
    slow = "network.other_links=[{edge: [0, 1], link: {rate: 100 kbit/s}}]"
    assert "`network.other_links.0.link`" in only(warned(lossy, slow))


# Messages that hardly arrive


def test_parameters_over_a_link_that_loses_and_sends_nothing_again(lossy):
    """145 packets: 0.97^145 is 1.2%, 0.96^145 is 0.27%. The 3 packets of TD errors come through."""
    assert warned(lossy, RUNNING_SUM, "network.link.loss=3%", "network.deadline=1 s") == []
    losing = (RUNNING_SUM, "network.link.loss=4%", "network.deadline=1 s")
    warning = only(warned(lossy, *losing))
    assert f"145 packets long, arrive whole with probability {0.96**145:.2g} where `network.link` says" in warning
    assert "`retries`" in warning
    assert "`algorithm.tracking.blocks`" in warning
    assert warned(lossy, *losing, "network.link.retries=1", "network.link.retry_delay=0 s") == []
    assert warned(lossy, *losing, "algorithm.tracking.blocks=2") == []


def test_what_is_broadcast_is_not_sent_again(lossy):
    again = ("network.link.loss=4%", "network.link.retries=9", "network.link.retry_delay=0 s", "network.deadline=1 s")
    assert warned(lossy, RUNNING_SUM, *again) == []
    assert "without `broadcast`" in only(warned(lossy, RUNNING_SUM, *again, "network.broadcast=true"))


def test_td_errors_that_never_arrive(lossy):
    assert only(warned(lossy, "network.link.loss=100%")).endswith("never arrive over `network.link`")
    other = "network.other_links=[{edge: [0, 1], link: {loss: 100%}}]"
    assert "`network.other_links.0.link`" in only(warned(lossy, other))
    assert "`training.batch`" in only(warned(lossy, "network.link.loss=90%"))  # 0.1³
    assert warned(lossy, "network.link.loss=75%") == []  # 0.25³ is 1.6%


# Trackers that lose for good

ONE_PACKET = ("network.link={rate: 20 Mbit/s, delay: 5 ms, mtu: 2 MB, loss: 10%}", "network.deadline=1 s")


def test_trackers_over_a_link_that_loses(lossy):
    """0.18 = 2 · 0.9 · 0.1; with four retries 2e-5, with six 2e-7, which is rare enough."""
    warning = only(warned(lossy, DVDN_GT, *ONE_PACKET))
    said = "a message of parameters and trackers arrives in one direction of a link only with probability 0.18 where"
    assert said in warning
    assert "`algorithm.tracking.form: running_sum`" in warning
    assert "ack_repeat" not in warning
    assert warned(lossy, RUNNING_SUM, *ONE_PACKET) == []
    assert warned(lossy, DVDN_GT, *ONE_PACKET, "network.link.loss=0%") == []
    sent_again = ("network.link.retries=4", "network.link.retry_delay=0 s")
    assert "2e-05" in only(warned(lossy, DVDN_GT, *ONE_PACKET, *sent_again))
    assert warned(lossy, DVDN_GT, *ONE_PACKET, *sent_again, "network.link.retries=6") == []
    assert warned(lossy, "algorithm={kind: networked_q}", *ONE_PACKET) == []


def test_trackers_over_links_that_differ(lossy):
    """A link that is down both ways takes nothing at either end; one that is down one way does so at every update."""
    dead = "network.other_links=[{edge: [0, 1], link: {loss: 100%}}]"
    *hardly, loses = warned(lossy, DVDN_GT, *ONE_PACKET, dead)
    assert len(hardly) == 2
    assert all("never arrive over `network.other_links.0.link`" in each for each in hardly)
    assert "0.18 where `network.link` says" in loses
    one_way = "network.other_links=[{edge: [0, 1], one_way: true, link: {loss: 100%}}]"
    *_, loses = warned(lossy, DVDN_GT, *ONE_PACKET, "network.link.loss=0%", one_way)
    assert "probability 1 where `network.other_links.0.link` says" in loses


@pytest.mark.parametrize(("repeat", "said"), [(1, "0.15"), (3, "0.0016"), (5, "1.6e-05"), (7, None)])
def test_trackers_whose_acknowledgements_may_mislead(lossy, repeat, said):
    """2 · 0.9² · 0.1ʳ (1 - 0.1ʳ): 0.1458, 0.00162, 1.62e-5, 1.6e-7."""
    acks = ("network.acks=true", f"network.ack_repeat={repeat}")
    found = warned(lossy, SYMMETRIC, *ONE_PACKET, *acks)
    if said is None:
        assert found == []
    else:
        assert f"`ack_repeat: {repeat}` a link is confirmed at one end only with probability {said} " in only(found)
        assert "or a larger `network.ack_repeat`" in only(found)


EXCHANGES = 3000


@pytest.mark.parametrize(
    ("loss", "repeat", "back"), [("10%", 1, None), ("{kind: gemodel, p: 3%, r: 25%}", 3, None), ("5%", 1, "40%")]
)
def test_that_links_are_confirmed_at_one_end_as_often_is_so(lossy, loss, repeat, back):
    """Against the simulator, by two agents and one link; losses may come in bursts, and differ by direction.

    Half as many exchanges as once still tell what is said from its half or its double: 4 sigmas are at most 0.6 of it.
    """
    options = [*ONE_PACKET, f"network.link.loss={loss}", "network.acks=true", f"network.ack_repeat={repeat}"]
    if back is not None:
        options += [f"network.other_links=[{{edge: [1, 0], one_way: true, link: {{loss: {back}}}}}]"]
    scenario = parse_scenario(lossy, (*options, "network.topology={kind: complete}", SYMMETRIC))
    network = SimulatedNetwork(scenario.network, n_agents=2, seed=0)
    found = [
        network.exchange("gt", rounds=1, size_bytes=1000, episode=n, update=n).facts.ack_mismatch.any()
        for n in range(EXCHANGES)
    ]
    said = float(only(warnings_of(scenario)).split("with probability ")[1].split()[0])
    batches = np.reshape(found, (40, -1)).mean(1)  # bursts reach from one exchange to the next
    sigma = batches.std(ddof=1) / np.sqrt(len(batches))
    assert abs(batches.mean() - said) < 4 * sigma + 0.05 * said  # it is said to two digits
    assert sigma < 0.15 * said


# Teams and media


@pytest.mark.parametrize(
    ("env", "differ"),
    [("{kind: marbler_arctic}", True), ("{kind: marbler_warehouse}", True), ("{kind: mpe_spread}", False),
     ("{kind: mpe_spread, heterogeneity: 0.3}", True),
     ("{kind: marbler_material, n_slow_agents: 0}", False), ("{kind: mpe_tag, opponent: agent}", True)],
)  # fmt: skip
def test_tracking_for_agents_that_play_different_parts(lossy, env, differ):
    network = ("topology={kind: complete}", "link.loss=0%", "deadline=9 s")
    changes = (f"env={env}", *(f"network.{change}" for change in network))
    found = warned(lossy, *changes, DVDN_GT)
    assert bool(found) == differ
    if differ:
        assert "play different parts" in only(found)
    assert warned(lossy, *changes) == []


def test_a_shared_medium_is_ideal(lossy):
    assert "ideal medium" in only(warned(lossy, "network.share=medium"))
    assert warned(lossy, "network.share=medium", "algorithm={kind: iql}") == []


def test_all_that_there_is_to_mind_is_said(lossy):
    bad = (*RING, METROPOLIS, "network.link.loss=2%", "network.share=medium", "network.deadline=1 ms")
    found = warned(lossy, DVDN_GT, *bad)
    assert [text.split()[0] for text in found] == ["DVDN", "messages", "messages", "gradient", "`share:"]
    found = warned(lossy, DVDN_GT, "network.link.loss=1%", "network.share=medium", "network.deadline=10 s")
    assert [text.split()[0] for text in found] == ["gradient", "`share:"]


# What is said before a run because nobody would be told in it

STILL = ("network.link.loss=0%", "env.players=3")


def test_no_update_for_want_of_a_minibatch(lossy):
    """32 episodes of 25 steps: 32 are begun within 776 steps. Of algorithms that send nothing, too."""
    for algorithm in ("algorithm.lr=0.01", "algorithm={kind: iql}"):
        assert "`training.steps`" in only(warned(lossy, algorithm, "training.steps=775"))
        assert warned(lossy, algorithm, "training.steps=776") == []
    side_by_side = "training.episodes_per_iteration=20"
    assert (
        "20 episodes of 25 steps make no minibatch of 32, and teams are saved as they began; write at least 501"
        in only(warned(lossy, side_by_side, "training.steps=500"))
    )
    assert warned(lossy, side_by_side, "training.steps=501") == []


@pytest.mark.parametrize(
    ("topology", "said"),
    [
        ("{kind: edges, edges: [[0, 1]]}", "agent 2 never has a neighbour;"),
        ("{kind: edges, edges: []}", "agent 0 and 2 more never have a neighbour;"),
        ("{kind: schedule, entries: [{at: 0 s, topology: {kind: edges, edges: [[0, 1]]}}, "
         "{at: 9 s, topology: {kind: edges, edges: [[1, 0]]}}]}", "agent 2 never has a neighbour, in any of 2 moments"),
        ("{kind: edge_markov, up: 1 s, down: 1 s, base: {kind: edges, edges: [[0, 2]]}}", "agent 1 never has"),
        ("{kind: range, radius: 2 m, mobility: {kind: random_waypoint, area: [1e6 m, 1e6 m], speed: [1 m/s, 1 m/s], "
         "pause: 0 s}}", "agent 0 and 2 more never have a neighbour, in any of 100 moments of the run;"),
        ("{kind: edges, edges: [[0, 1], [1, 0], [1, 2]], directed: true}", "agent 2 is never heard by anybody;"),
        ("{kind: edges, edges: [[0, 1], [1, 0], [2, 1]], directed: true}", "agent 2 never hears anybody;"),
        ("{kind: schedule, entries: [{at: 0 s, topology: {kind: edges, edges: [[0, 1]]}}, "
         "{at: 9 s, topology: {kind: edges, edges: [[1, 2]]}}]}", None),
        ("{kind: random_connected}", None),
    ],
)  # fmt: skip
def test_agents_who_never_have_a_neighbour(lossy, topology, said):
    found = warned(lossy, *STILL, f"network.topology={topology}", "algorithm.consensus.policy=push_sum")
    assert [said in warning for warning in found] == ([] if said is None else [True])


def test_agents_who_are_alone_in_some_seeds(lossy):
    """G(3, 30 %): the first seed in which some agent has no link."""
    drawn = ErdosRenyi(p=0.3)
    seed = next(seed for seed in range(99) if not all(drawn.graph(3, seed).degrees))
    changes = (
        "network.topology={kind: erdos_renyi, p: 30%}",
        "algorithm.consensus.rounds=2",
        f"seeds={[*range(seed + 2)]}",
    )
    assert f"(seed {seed})" in only(warned(lossy, *STILL, *changes))


def test_links_that_there_never_are(lossy):
    path, edge = "network.topology={kind: path}", "edge: [0, 2]"
    even = (*STILL, path, "algorithm.consensus.rounds=2")
    for change in (
        f"network.faults=[{{kind: link_down, {edge}, at: 1 s}}]",
        f"network.faults=[{{kind: flap, {edge}, up: 1 s, down: 1 s}}]",
        f"network.other_links=[{{{edge}, link: {{delay: 6 ms}}}}]",
    ):
        assert "changes nothing: agents 0 and 2 never have a link" in only(warned(lossy, *even, change))
        assert warned(lossy, *even, change.replace("[0, 2]", "[2, 1]")) == []
    fault = f"network.faults=[{{kind: link_down, {edge}, at: 1 s}}]"
    assert warned(lossy, *STILL, "network.topology={kind: random_connected}", fault) == []


def test_what_begins_after_the_end(lossy):
    """150 000 steps of 100 ms, each with 50 ms of deadline and 10 ms of computing: 24 000 s, or 6 h 40 min."""
    for at, said in (
        ("6.6 h", None),
        ("6.7 h", "6 h 42 min"),
        ("{kind: uniform, mean: 9 h, jitter: 1 h}", "8 h 1 min"),
    ):
        found = warned(lossy, f"network.faults=[{{kind: blackout, at: {at}, for: 1 s}}]", "network.compute=10 ms")
        assert [f"would begin at {said}, and the run is over after 6 h 40 min" in text for text in found] == [
            True
        ] * len(found)
        assert bool(found) == (said is not None)
    later = "{kind: schedule, entries: [{at: 0 s, topology: {kind: complete}}, {at: 7 h, topology: {kind: complete}}]}"
    assert "`network.topology.entries.1` would begin" in only(
        warned(lossy, *STILL, f"network.topology={later}", "network.compute=10 ms")
    )


# Too much to send

CROWDED = ("network.topology={kind: complete}", "network.compute=10 ms", "network.link.delay=0 s",
           "network.link.loss=0%", "network.deadline=50 ms", "network.share=link")  # fmt: skip


@pytest.mark.parametrize(("share", "messages"), [("link", 1), ("node", 2), ("medium", 6)])
def test_more_to_send_than_there_is_time(lossy, share, messages):
    """3224 + 3·28 bytes in 25·100 + 10 + 50 ms, from each link, from a node to two neighbours, from all three.

    And against the simulator: 5 % too much, and what waits grows until it no longer fits; a little less, and all fits.
    """
    enough = messages * 8 * 3308 / 2.56
    for rate, grows in ((0.95 * enough, True), (1.05 * enough, False)):
        crowded = (*CROWDED, f"network.share={share}", f"network.link.rate={rate:.0f} bit/s", "network.link.limit=40")
        scenario = parse_scenario(lossy, crowded)
        found = [warning for warning in warnings_of(scenario) if "overload" in warning]
        assert bool(found) == grows
        if grows:
            assert "`predict` and `consensus` tell is the first exchange" in only(found)
        network, dropped = SimulatedNetwork(scenario.network, n_agents=3, seed=0), 0
        size_bytes = message_specs(scenario)[0].size_bytes
        for update in range(400):
            network.act(25)
            report = network.exchange("td", rounds=1, size_bytes=size_bytes, episode=update, update=update)
            dropped += report.messages.lost["queue_full"]
        assert (dropped > 0) == grows


def test_a_link_that_keeps_up_by_a_deadline_that_is_worked_out(lossy):
    slow = (*CROWDED, "network.link.rate=1 kbit/s")
    assert any("overload" in text for text in warned(lossy, *slow))
    assert warned(lossy, *slow, "network.deadline=auto") == []
    assert warned(lossy, *slow, "network.deadline=null") == []


def test_links_that_are_slower_for_good(lossy):
    slow = "network.faults=[{kind: degrade, link: {rate: 1 kbit/s}, at: 1 s%s}]"
    assert "`network.faults.0.link`" in only(warned(lossy, *CROWDED, slow % ""))
    assert warned(lossy, *CROWDED, slow % ", for: 9 s") == []


def test_acknowledgements_and_parameters_count(lossy):
    """At 12 kbit/s TD errors take 2.2 of 2.56 s; parameters take far more."""
    rate = (*CROWDED, "network.link.rate=12 kbit/s", "network.link.limit=100000")
    assert not any("overload" in text for text in warned(lossy, *rate))
    assert any("overload" in text for text in warned(lossy, *rate, RUNNING_SUM))
    acks = ("network.acks=true", "network.ack_repeat=20")
    assert any("overload" in text for text in warned(lossy, *rate, *acks))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_radio_is_one_for_all_neighbours(lossy, preset):
    link, radio = f"network.link={{preset: {preset}}}", preset in RADIOS
    usual = ("network.deadline=auto", "network.share=link", link)
    found = [text for text in warned(lossy, *usual) if "radio" in text]
    assert bool(found) == radio
    if radio:
        assert f"`{preset}`" in only(found)
    for share in ("node", "medium"):
        assert not any("radio" in text for text in warned(lossy, *usual, f"network.share={share}"))


def test_how_long_radios_send(lossy):
    """15 packets at 5468.75 bit/s: one message, to two neighbours, from all three."""
    usual = (*CROWDED, "network.deadline=auto", "network.link={preset: lora_sf7}")
    airtime_s = 8 * (3224 + 15 * 30) / 5468.75
    for text in (f"takes {airtime_s:.4g} s", f"{2 * airtime_s:.4g} s", f"`share: medium` {6 * airtime_s:.4g} s"):
        assert text in only(warned(lossy, *usual))


SLOW_TO_TELL = [
    ("network.link.retries=1000", "network.link.retry_delay=1 ms", "network.link.mtu=1 B", "network.link.limit=10000"),
    ("network.link={rate: unlimited, delay: 1 ms, mtu: 1 B}", "training.batch=999"),
    (f"network.link.loss={{kind: trace, values: [{'0, 1, ' * 9000}]}}", "network.link.retries=100",
     "network.link.retry_delay=1 ms"),
    ("network.link.loss={kind: gemodel, p: 1e-9, r: 1e-9}", "network.link.retries=999", "network.link.retry_delay=0 s"),
    ("env={kind: mpe_spread, N: 300}", "network.topology={kind: k_regular, degree: 298}"),
    ("env={kind: mpe_spread, N: 40}", f"seeds={list(range(1000))}", "network.topology={kind: erdos_renyi, p: 50%}"),
    ("network.other_links=[" + "{edge: [0, 1], link: {loss: 5%}}, " * 2000 + "]",),
]  # fmt: skip


@pytest.mark.parametrize("changes", SLOW_TO_TELL, ids=range(len(SLOW_TO_TELL)))
def test_what_would_take_long_to_work_out_is_not_worked_out(lossy, monkeypatch, changes):
    monkeypatch.setattr("dvdn_sim.scenario.climbing.MAX_PAIRS", 10**5)
    assert isinstance(warned(lossy, *changes), list)
