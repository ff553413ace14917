"""Exchanges on both engines side by side: the compiled one must do what SimPy does, to the last bit."""

import json
from dataclasses import fields, replace

import numpy as np

from dvdn_sim.errors import ExchangeStuckError
from dvdn_sim.network import SimulatedNetwork


def same(one, other, what):
    """Two reports, or facts: every field is equal."""
    for field in fields(one):
        if field.name in ("links", "facts"):
            continue
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        assert type(ours) is type(theirs), (what, field.name)
        assert np.array_equal(ours, theirs), (what, field.name, ours, theirs)
        assert getattr(ours, "dtype", None) == getattr(theirs, "dtype", None), (what, field.name)


class BothEngines:
    """One team's network twice, in the same state all the time."""

    def __init__(self, spec, **options):
        make = SimulatedNetwork
        self.compiled = make(replace(spec, engine="compiled"), **options)
        self.simpy = make(replace(spec, engine="simpy"), **options)

    def act(self, steps):
        for network in (self.compiled, self.simpy):
            network.act(steps)

    def exchange(self, kind, **about):
        """Exchange on both; the report, or None if it stuck on both."""
        reports = []
        for network in (self.compiled, self.simpy):
            try:
                reports.append(network.exchange(kind, **about))
            except ExchangeStuckError as error:
                reports.append(str(error))
        compiled, simpy = reports
        if isinstance(simpy, str):
            assert compiled == simpy
            return None
        same(compiled, simpy, "report")
        same(compiled.facts, simpy.facts, "facts")
        return compiled

    def states(self):
        """What both are, as a checkpoint has it."""
        return [json.dumps(network.state()) for network in (self.compiled, self.simpy)]

    def change_places(self, spec, **options):
        """Let each go on from the state of the other."""
        compiled, simpy = (json.loads(state) for state in self.states())
        self.__init__(spec, **options)
        self.compiled.restore(simpy)
        self.simpy.restore(compiled)
