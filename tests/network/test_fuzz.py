"""The fuzzer finds nothing wrong, could find everything that it looks for, and says how to see it again."""

import json
import shlex
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from dvdn_sim import cli
from dvdn_sim.consensus import ReturnToSelf, RunningSum, metropolis
from dvdn_sim.errors import ScenarioError
from dvdn_sim.network import SimulatedNetwork
from dvdn_sim.network.fuzz import search as searching
from dvdn_sim.network.fuzz.draw import BASE, variation, written
from dvdn_sim.network.fuzz.evidence import Evidence, evidence_of
from dvdn_sim.network.fuzz.invariants import INVARIANTS
from dvdn_sim.network.fuzz.search import CRASH, Coverage, check, search
from dvdn_sim.network.trials import Setting
from dvdn_sim.scenario import parse_scenario
from netmodels.faults import FAULTS
from netmodels.topology import TOPOLOGIES

LOSSY = (
    "network.link.loss=30%",
    "network.acks=true",
    "algorithm.consensus.policy=symmetric",
    "algorithm.consensus.rounds=3",
    "network.deadline=5 ms",
)


def load(changes):
    return parse_scenario(BASE, changes)


def setting_of(*changes) -> Setting:
    return Setting.of(load(changes))


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return evidence_of(setting_of(*LOSSY))


def broken(name, evidence):
    return list(INVARIANTS[name](evidence))


def test_no_invariant_breaks_in_many_variations():
    coverage = Coverage()
    tried = list(search(load, 50, coverage))
    assert [each.failure for each in tried] == [None] * 51
    assert coverage.messages > 10_000


def test_draws_cover_what_there_is():
    """Every topology, policy, transmitter and fault that needs no file occurs in 400 variations that load."""
    coverage = Coverage()
    for index in range(1, 400):
        _, setting = searching._drawn(load, 0, index, coverage)
        coverage.add(searching.Tried((), setting, 0, None))
    policies = {"self", "renormalize", "symmetric", "stale", "running_sum", "push_sum", "zero_fill"}
    assert set(coverage.met["policies"]) == policies
    assert set(coverage.met["transmitters"]) == {"link", "node", "medium"}
    assert set(coverage.met["faults"]) == set(FAULTS)
    assert set(coverage.met["topologies"]) == set(TOPOLOGIES)
    assert coverage.refused < 100


def test_a_variation_depends_on_its_seed_and_index_alone():
    assert variation(3, 5) == variation(3, 5)
    assert len({str(variation(seed, index, attempt)) for seed in (0, 1) for index in (1, 2) for attempt in (0, 1)}) == 8


def test_a_good_exchange_breaks_nothing(evidence):
    assert [name for name in INVARIANTS if broken(name, evidence)] == []
    assert evidence.reports[0].messages.lost
    assert evidence.reports[0].facts.confirmed.any()


class Forced:
    """A setting whose only policy is given."""

    def __init__(self, setting, policy, name="self"):
        self.setting, self.policy, self.name = setting, policy, name

    def __getattr__(self, name):
        return getattr(self.setting, name)

    def policies(self, facts):
        return {self.name: self.policy}


class Altered(ReturnToSelf):
    """`self`, its results changed by a function of facts, values and result."""

    def __init__(self, change, step=None):
        super().__init__(metropolis)
        object.__setattr__(self, "change", change)
        object.__setattr__(self, "other_step", step)

    def apply(self, facts, values):
        return self.change(values, super().apply(facts, values))

    def operator(self, facts):
        return self.apply(facts, np.eye(facts.n_agents))

    def step(self, facts):
        return super().step(facts) if self.other_step is None else self.other_step(super().step(facts))


POLICIES_THAT_BREAK = {
    "operators": Altered(lambda values, held: 0.9 * held),
    "agreement": Altered(lambda values, held: held * (1 + 1e-12)),
    "hull": Altered(lambda values, held: held + 2 * (held - held.mean(1, keepdims=True))),
    "influence": Altered(lambda values, held: 0.5 * held + 0.5 * values.mean(0)),
    "symmetry": Altered(lambda values, held: held, step=lambda steps: np.roll(steps, 1, axis=1)),
}


@pytest.mark.parametrize("name", POLICIES_THAT_BREAK)
def test_a_policy_that_breaks_an_invariant_is_seen(name):
    evidence = evidence_of(setting_of("network.link.loss=90%", "algorithm.consensus.rounds=1", "network.deadline=3 ms"))
    if name == "symmetry":
        evidence = evidence_of(setting_of("network.topology={kind: path}"))
    evidence = replace(evidence, setting=Forced(evidence.setting, POLICIES_THAT_BREAK[name]))
    assert broken(name, evidence)
    sane = replace(evidence, setting=Forced(evidence.setting, ReturnToSelf(metropolis)))
    assert not broken(name, sane)


def with_report(evidence, **changes):
    return replace(evidence, reports=[replace(evidence.reports[0], **changes), *evidence.reports[1:]])


def test_books_that_do_not_balance_are_seen(evidence):
    assert broken("audit", replace(evidence, audits=["ok", "messages: 3 sent, 2 settled, 0 flying", "ok", "ok"]))
    flying = evidence.counts.copy()
    flying.in_flight = 1
    assert broken("audit", replace(evidence, counts=flying))


def test_lives_that_are_not_told_or_told_otherwise_are_seen(evidence):
    assert broken("lives", replace(evidence, lives=evidence.lives[1:]))
    lost = next(index for index, life in enumerate(evidence.lives) if life.outcome == "lost")
    otherwise = list(evidence.lives)
    otherwise[lost] = otherwise[lost]._replace(reason="corrupted")
    assert broken("lives", replace(evidence, lives=otherwise))


def test_a_report_that_does_not_agree_with_itself_is_seen(evidence):
    report = evidence.reports[0]
    counts = report.messages.copy()
    counts.delivered += 1
    assert broken("reports", with_report(evidence, messages=counts))
    latest = report.facts.latest.copy()
    latest[0, 0] = 2
    assert broken("reports", with_report(evidence, facts=replace(report.facts, latest=latest)))
    closed = report.closed_at_ns.copy()
    closed[0] = -1
    assert broken("reports", with_report(evidence, closed_at_ns=closed))
    assert broken("reports", with_report(evidence, facts=replace(report.facts, confirmed=np.ones((3, 12), bool))))
    assert broken("reports", with_report(evidence, ended_ns=report.began_ns))


def test_waiting_beyond_the_deadline_is_seen():
    evidence = evidence_of(setting_of("network.link.loss=30%"))
    late = evidence.reports[0].closed_at_ns + 50_000_000
    assert broken("patience", with_report(evidence, closed_at_ns=late))
    never = np.full_like(late, -1)
    assert broken("patience", with_report(evidence, closed_at_ns=never))
    assert not broken("patience", evidence)


def test_mass_that_goes_missing_is_seen(evidence, monkeypatch):
    masses = RunningSum.masses
    monkeypatch.setattr(
        RunningSum,
        "masses",
        lambda self, *given: replace(masses(self, *given), held=1.1 * masses(self, *given).held),
    )
    assert broken("mass", evidence)


def test_luck_that_is_not_the_seeds_is_seen(evidence, monkeypatch):
    """Every network is made with another seed than the one before; and then with agents' keys forgotten."""
    numbers = iter(range(5, 99))
    make = SimulatedNetwork.__init__

    def other_seed(self, *args, **options):
        make(self, *args, **{**options, "seed": next(numbers)})

    monkeypatch.setattr(SimulatedNetwork, "__init__", other_seed)
    assert broken("repetition", evidence)

    def forgetful(self, *args, **options):
        make(self, *args, **{**options, "agent_keys": None})

    monkeypatch.setattr(SimulatedNetwork, "__init__", forgetful)
    assert broken("relabelling", evidence)
    assert not broken("repetition", evidence)


def test_an_error_of_any_kind_is_a_failure(monkeypatch):
    def crash(self, steps):
        raise KeyError(steps)

    monkeypatch.setattr(SimulatedNetwork, "act", crash)
    failure, _ = check(setting_of())
    assert (failure.invariant, failure.found) == (CRASH, "KeyError: 1")


def both(evidence):
    """Breaks where messages are duplicated and a partition is drawn, and nowhere else."""
    network = evidence.setting.network
    kinds = Counter(type(fault).__name__ for fault in network.faults)
    if network.link.duplicate > 0.5 and kinds["Partition"]:
        yield "twice and apart"


def test_what_breaks_is_shrunk_to_what_it_takes(monkeypatch):
    monkeypatch.setattr(searching, "INVARIANTS", {"both": both})
    *_, last = search(load, 5000, Coverage())
    assert last.failure.found == "twice and apart"
    assert len(last.changes) > 4
    small = dict(last.shrunk)
    (fault,) = small.pop("network.faults")
    assert fault["kind"] == "partition"
    assert len(fault["groups"]) == len(fault["groups"][0]) == 1
    # As many agents as the one that is cut off needs.
    assert small.pop("env.players", 4) == max(4, fault["groups"][0][0] + 1)
    assert small == {"network.link.duplicate": "60%"}


@pytest.mark.parametrize("named", [[], ["scenarios/lossy_lbf.yaml"]], ids=["built in", "a file"])
def test_the_command_that_is_printed_shows_the_same_again(monkeypatch, request, named):
    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setattr(searching, "INVARIANTS", {"both": both})
    result = CliRunner().invoke(cli.app, ["consensus", *named, "--fuzz", "3000", "--json", "--quiet"])
    assert result.exit_code == 1, result.output
    failure = json.loads(result.stdout)["failure"]
    words = shlex.split(failure["reproduce"])
    assert words[:2] == ["dvdn-sim", "consensus"]
    assert words[-2:] == ["--fuzz", "0"]
    again = CliRunner().invoke(cli.app, [*words[1:], "--json"])
    assert again.exit_code == 1
    found = json.loads(again.stdout)
    assert found["failure"]["found"] == "twice and apart"
    assert found["variations"] == 1
    monkeypatch.undo()


def test_people_read_what_was_drawn(monkeypatch):
    result = CliRunner().invoke(cli.app, ["consensus", "--fuzz", "2", "--set", "seeds=[7]", "--quiet"])
    assert result.exit_code == 0, result.output
    assert "   0  the scenario as it is" in result.stdout
    first = written(variation(7, 1)[0])
    assert f"   1  {first}" in result.stdout
    assert "3 scenarios checked" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fuzz", "1", "--trials", "3"], "--trials"),
        ([], "name a YAML file"),
        (["--fuzz", "1", "--set", "a=3"], "unknown key"),
    ],
)
def test_bad_input_is_refused(words, said):
    result = CliRunner().invoke(cli.app, ["consensus", *words])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_scenario_that_exchanges_nothing_cannot_be_fuzzed():
    with pytest.raises(ScenarioError, match="sends no messages"):
        list(search(lambda changes: load(["algorithm={kind: iql}", *changes]), 1, Coverage()))
