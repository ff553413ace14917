"""Every option of every kind, and of a link, given what it cannot be: refused when built, by its name and value."""

import math
import re

import pytest
from pydantic import TypeAdapter

from netmodels import LinkSpec
from netmodels.faults import FAULTS, AnyFault
from netmodels.links import (
    DELAYS,
    LOSSES,
    AnyDelay,
    AnyLoss,
    Bernoulli,
    Empirical,
    Exponential,
    Lognormal,
    LossTrace,
    Normal,
    Pareto,
    Uniform,
)
from netmodels.presets import PRESETS
from netmodels.topology import (
    MOBILITIES,
    TOPOLOGIES,
    AnyMobility,
    AnyTopology,
    EdgeMarkov,
    Graph,
    Instant,
    RandomWaypoint,
    Range,
    Ring,
    Schedule,
    Switch,
)

VALID = {
    "delay": {
        "constant": {"mean": 1.0},
        "uniform": {"mean": 1.0, "jitter": 0.5},
        "normal": {"mean": 1.0, "jitter": 0.5},
        "lognormal": {"mean": 1.0, "jitter": 0.5},
        "pareto": {"mean": 1.0, "jitter": 0.5},
        "exponential": {"mean": 1.0},
        "empirical": {"values": (1.0,)},
        "trace": {"values": (1.0,)},
    },
    "loss": {
        "bernoulli": {"p": 0.1},
        "gemodel": {"p": 0.1, "r": 0.2, "one_minus_h": 0.9, "one_minus_k": 0.1},
        "trace": {"values": (0, 1)},
    },
    "mobility": {
        "random_waypoint": {"area": (1, 1), "speed": (1, 1), "pause": 0},
        "trace": {"file": ""},
    },
    "fault": {
        "crash": {"node": 0, "at": 1.0, "for": 1.0, "state": "kept"},
        "link_down": {"edge": (0, 1), "at": 1.0, "for": 1.0},
        "one_way": {"edge": (0, 1), "at": 1.0, "for": 1.0},
        "partition": {"groups": ((0, 1),), "at": 1.0, "for": 1.0},
        "blackout": {"at": 1.0, "for": 1.0},
        "flap": {"up": 1.0, "down": 1.0, "edge": (0, 1), "at": 1.0, "for": 1.0},
        "degrade": {"link": {"loss": 0.5}, "edge": (0, 1), "at": 1.0, "for": 1.0},
        "straggler": {"node": 0, "factor": 2.0, "at": 1.0, "for": 1.0},
    },
    "topology": {
        "complete": {},
        "ring": {},
        "path": {},
        "star": {"centre": 0},
        "grid": {"columns": 2},
        "edges": {"edges": ((0, 1),), "directed": False},
        "k_regular": {"degree": 2, "connected": True},
        "erdos_renyi": {"p": 0.5, "connected": True},
        "barabasi_albert": {"links": 2, "connected": True},
        "watts_strogatz": {"neighbours": 2, "p": 0.5, "connected": True},
        "random_geometric": {"radius": 0.5, "connected": True},
        "random_connected": {"edges": 3, "resample": "round"},
        "edge_markov": {"up": 1.0, "down": 1.0, "base": {"kind": "ring"}},
        "range": {"radius": 1.0, "mobility": {"kind": "random_waypoint", "area": (1, 1), "speed": (1, 1), "pause": 0}},
        "schedule": {"entries": [{"at": 0.0, "topology": {"kind": "ring"}}]},
    },
    "link": {
        "rate": 1e6, "delay": 0.1, "loss": 0.1, "corrupt": 0.1, "retries": 1, "retry_delay": 0.1, "duplicate": 0.1,
        "mtu": 100, "overhead": 10, "limit": 10, "limit_bytes": 1000, "fifo": True,
    },
}  # fmt: skip
CATALOGUES = {"delay": DELAYS, "loss": LOSSES, "mobility": MOBILITIES, "fault": FAULTS, "topology": TOPOLOGIES}
CHOICES = {
    "delay": TypeAdapter(AnyDelay),
    "loss": TypeAdapter(AnyLoss),
    "mobility": TypeAdapter(AnyMobility),
    "fault": TypeAdapter(AnyFault),
    "topology": TypeAdapter(AnyTopology),
}
BAD = [math.nan, -1, -0.5, 1j, "banana", "5 parsecs", object(), ["banana"], {"kind": "banana"}, 10**400]


def build(group, kind, options):
    return LinkSpec(**options) if group == "link" else CHOICES[group].validate_python({"kind": kind, **options})


def cases():
    for group, kinds in VALID.items():
        for kind, options in {"": kinds}.items() if group == "link" else kinds.items():
            for option in options:
                for bad in BAD:
                    yield pytest.param(group, kind, option, bad, id=f"{group}-{kind}-{option}-{str(bad)[:9]}")


@pytest.mark.parametrize(("group", "kind", "option", "bad"), list(cases()))
def test_refused_by_name_and_value(group, kind, option, bad):
    options = (VALID["link"] if group == "link" else VALID[group][kind]) | {option: bad}
    with pytest.raises(ValueError, match=rf"\b{option}\b") as refused:
        build(group, kind, options)
    shown = bad["kind"] if isinstance(bad, dict) else bad[0] if isinstance(bad, list) else bad
    assert re.search(re.escape(repr(shown)[:20]), str(refused.value)), refused.value


@pytest.mark.parametrize(("group", "kind"), [(group, kind) for group, kinds in CATALOGUES.items() for kind in kinds])
def test_every_kind_is_tested_here_and_its_valid_options_are(group, kind):
    if (group, kind) != ("mobility", "trace"):
        build(group, kind, VALID[group][kind])
    with pytest.raises(ValueError, match="colour"):
        build(group, kind, {**VALID[group][kind], "colour": "red"})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LinkSpec(delay=0), "rate"),
        (lambda: LinkSpec(rate=1), "delay"),
        (lambda: LinkSpec(rate=1, delay=0, mtu=0), "mtu.*0"),
        (lambda: LinkSpec(rate=1, delay=0, retries=1), "retry_delay.*None"),
        (lambda: LinkSpec(rate=1, delay={"kind": "normal", "mean": 1}), r"delay.*jitter"),
        (lambda: LinkSpec(rate=1, delay=Bernoulli(0.1)), "delay.*Bernoulli"),
        (lambda: LinkSpec(rate=1, delay=0, loss=Normal(1.0, 1.0)), "loss.*Normal"),
        (lambda: Uniform("1 ms", "2 ms"), "at most the mean, 0.001 s"),
        (lambda: Exponential(mean=0), "mean.*0"),
        (lambda: Lognormal(mean=0.0, jitter=1.0), r"mean.*0\.0"),
        (lambda: Lognormal(1e-9, 1e9), "10⁶ times the mean"),
        (lambda: Pareto("1 s"), "jitter.*None"),
        (lambda: Pareto("1 s", jitter="1 s", shape=3.0), r"jitter.*3\.0"),
        (lambda: Pareto("1 s", shape=1.0), r"shape.*1\.0"),
        (LossTrace, "file"),
        (lambda: Empirical(file="x", values=(1.0,)), "file.*'x'"),
        (lambda: Empirical(values=(-1.0,)), r"values\.0.*-1"),
        (lambda: Range(1.0).graph(2, 0), "positions.*None"),
        (lambda: Range(1.0).graph(2, 0, Instant(positions=[(0, 0)])), r"positions.*\(1, 2\)"),
        (lambda: RandomWaypoint((1, 0), (1, 1), 0), "sides above 0"),
        (lambda: RandomWaypoint((1, 1), (0, 1), 0), "0 < least"),
        (lambda: RandomWaypoint((1, 1), (2, 1), 0), "least ≤ greatest"),
        (lambda: EdgeMarkov(up=1, down=1).graph(400, 0), "base: expected at most 65536 links, got 79800"),
        (lambda: Schedule([]), "the first one 0"),
        (lambda: Schedule([Switch(1.0, Ring())]), "the first one 0"),
        (lambda: Schedule([Switch(0.0, Ring()), Switch(0.0, Ring())]), "increasing times"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused_too(build, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        build()


def test_the_valid_link_is_valid():
    assert build("link", "", VALID["link"]).retries == 1


@pytest.mark.parametrize("options", [{}, {"kind": None}, {"kind": "gamma"}, {"kind": ["constant"]}])
def test_unknown_kinds_are_refused_with_the_known_ones(options):
    with pytest.raises(ValueError, match="kind"):
        CHOICES["delay"].validate_python(options)
    with pytest.raises(ValueError, match="'constant', 'uniform', 'normal'"):
        build("delay", "gamma", {})


def test_presets_are_listed():
    assert list(PRESETS) == ["ideal", "lan", "wifi_adhoc", "ble_1m", "ieee802154", "lora_sf7"]


def test_a_model_of_the_users_own_is_taken_as_it_is():
    class Own:
        def quantile(self, probability):
            return probability

        def graph(self, n_agents, seed, at):
            return Graph(n_agents, ())

    own = Own()
    assert LinkSpec(rate=1e6, delay=own).delay is own
    assert EdgeMarkov(up=1, down=1, base=own).graph(2, 0).edges == ()
