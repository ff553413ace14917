"""Any scenario's exchanges keep every invariant; and each invariant would see what breaks it."""

from dataclasses import replace

import numpy as np
import pytest
from exchange_evidence import INVARIANTS, evidence_of
from hypothesis import HealthCheck, Phase, find, given, settings
from random_scenarios import BASE, DELAYS, LOSSES, changes, faults, settings_of, topologies

from dvdn_sim.consensus import POLICIES, PullPolicy, RunningSum, metropolis
from dvdn_sim.network import Setting, SimulatedNetwork
from dvdn_sim.scenario import parse_scenario
from netmodels.faults import FAULTS
from netmodels.links import DELAYS as DELAYS_OF_LINKS
from netmodels.links import LOSSES as LOSSES_OF_LINKS
from netmodels.topology import TOPOLOGIES

ANY = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
LOSSY = (
    "network.link.loss=30%",
    "network.acks=true",
    "algorithm.consensus.policy=symmetric",
    "algorithm.consensus.rounds=3",
    "network.deadline=5 ms",
)


def evidence(*changes):
    return evidence_of(Setting.from_scenario(parse_scenario(BASE, changes))[0])


def broken(name, evidence):
    return list(INVARIANTS[name](evidence))


@ANY
@given(settings_of())
def test_no_invariant_breaks(setting):
    """Every topology, link, fault, deadline and policy; what fails is shrunk, and printed."""
    found = evidence_of(setting)
    assert {name: said for name in INVARIANTS if (said := broken(name, found))} == {}


@pytest.fixture(scope="module")
def good():
    found = evidence(*LOSSY)
    assert found.reports[0].messages.lost
    assert found.reports[0].facts.confirmed.any()
    assert [name for name in INVARIANTS if broken(name, found)] == []
    return found


class Altered(PullPolicy):
    """`self`, its results changed by a function of values and result."""

    def __init__(self, change, step=lambda steps: steps):
        super().__init__(POLICIES["self"](metropolis).pulls, metropolis)
        for name, value in (("change", change), ("other_step", step)):
            object.__setattr__(self, name, value)

    def apply(self, facts, values):
        return self.change(values, super().apply(facts, values))

    def operator(self, facts):
        return self.apply(facts, np.eye(facts.n_agents))

    def step(self, facts):
        return self.other_step(super().step(facts))


POLICIES_THAT_BREAK = {
    "operators": Altered(lambda values, held: 0.9 * held),
    "agreement": Altered(lambda values, held: held * (1 + 1e-12)),
    "hull": Altered(lambda values, held: held + 2 * (held - held.mean(1, keepdims=True))),
    "influence": Altered(lambda values, held: 0.5 * held + 0.5 * values.mean(0)),
    "symmetry": Altered(lambda values, held: held, step=lambda steps: np.roll(steps, 1, axis=1)),
}


@pytest.mark.parametrize("name", POLICIES_THAT_BREAK)
def test_a_policy_that_breaks_an_invariant_is_seen(name):
    harsh = ("network.link.loss=90%", "algorithm.consensus.rounds=1", "network.deadline=3 ms")
    found = evidence(*(["network.topology={kind: path}"] if name == "symmetry" else harsh))
    assert broken(name, replace(found, policies={"self": POLICIES_THAT_BREAK[name]}))
    assert not broken(name, replace(found, policies={"self": POLICIES["self"](metropolis)}))


def with_report(evidence, **changes):
    return replace(evidence, reports=[replace(evidence.reports[0], **changes), *evidence.reports[1:]])


def test_counts_that_do_not_add_up_are_seen(good):
    assert broken("audit", replace(good, audits=["ok", "messages: 3 sent, 2 settled, 0 in flight", "ok", "ok"]))
    assert broken("audit", replace(good, counts=replace(good.counts, in_flight=1)))


def test_lives_that_are_not_told_or_told_otherwise_are_seen(good):
    assert broken("lives", replace(good, lives=good.lives[1:]))
    lost = next(index for index, life in enumerate(good.lives) if life.outcome == "lost")
    otherwise = [*good.lives[:lost], good.lives[lost]._replace(reason="corrupted"), *good.lives[lost + 1 :]]
    assert broken("lives", replace(good, lives=otherwise))


def test_a_report_that_does_not_agree_with_itself_is_seen(good):
    report = good.reports[0]
    latest, closed = report.facts.latest.copy(), report.closed_at_ns.copy()
    latest[0, 0], closed[0] = 2, -1
    more = replace(report.messages, delivered=report.messages.delivered + 1)
    for wrong in (
        {"messages": more},
        {"facts": replace(report.facts, latest=latest)},
        {"closed_at_ns": closed},
        {"facts": replace(report.facts, confirmed=np.ones((3, 12), bool))},
        {"ended_ns": report.began_ns},
    ):
        assert broken("reports", with_report(good, **wrong))


def test_waiting_beyond_the_deadline_is_seen():
    found = evidence("network.link.loss=30%")
    late = found.reports[0].closed_at_ns + 50_000_000
    assert broken("patience", with_report(found, closed_at_ns=late))
    assert broken("patience", with_report(found, closed_at_ns=np.full_like(late, -1)))
    assert not broken("patience", found)


def test_mass_that_goes_missing_is_seen(good, monkeypatch):
    masses = RunningSum.masses
    less = lambda self, *given: replace(masses(self, *given), held=1.1 * masses(self, *given).held)  # noqa: E731
    monkeypatch.setattr(RunningSum, "masses", less)
    assert broken("mass", good)


def test_luck_that_is_not_the_seeds_is_seen(good, monkeypatch):
    """Every network is made with another seed than the one before; and then with agents' keys forgotten."""
    numbers, make = iter(range(5, 99)), SimulatedNetwork.__init__
    other = lambda self, *args, **options: make(self, *args, **{**options, "seed": next(numbers)})  # noqa: E731
    monkeypatch.setattr(SimulatedNetwork, "__init__", other)
    assert broken("repetition", good)
    forgetful = lambda self, *args, **options: make(self, *args, **{**options, "agent_keys": None})  # noqa: E731
    monkeypatch.setattr(SimulatedNetwork, "__init__", forgetful)
    assert broken("relabelling", good)
    assert not broken("repetition", good)


SEARCH = settings(max_examples=1000, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)


def test_random_scenarios_cover_what_there_is():
    """Every topology, fault, delay and loss that the program has, and what depends on several draws."""
    assert {delay["kind"] for delay in DELAYS} == DELAYS_OF_LINKS.keys()
    assert {loss["kind"] for loss in LOSSES} == LOSSES_OF_LINKS.keys()
    for drawn_from, kinds in ((topologies(6), TOPOLOGIES), (faults(6), FAULTS)):
        for kind in kinds:
            find(drawn_from, lambda drawn, kind=kind: drawn["kind"] == kind, settings=SEARCH)
    for change in ("share=medium", "schedule=overlap", "acks=true", "broadcast=true"):
        find(changes(), lambda drawn, said=f"network.{change}": said in drawn, settings=SEARCH)
