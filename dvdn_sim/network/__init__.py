"""The network on a clock: which message reaches whom, when, and at what cost. simpy stays in here; torch stays out.

simulation  all of it for one team: act, compute, exchange; how long agents compute
exchange    rounds of sending, waiting and closing on the clock, and the report that they leave
accounting  counters of what became of every message; the audit, probes, and messages on their way
clock       simulated time
transport   links between agents, and the transmitters that they share
faults      which agents and links are up
deadlines   how long `auto` waits
mailbox     messages between acting agents, without rounds
predict     what exchanges will be like, before any
trials      what they are, without learning
"""

from dvdn_sim.network.accounting import NEVER, MessageCounts, MessageLife, NetworkCounters, Phase, Probe
from dvdn_sim.network.clock import Clock, ClockEvent
from dvdn_sim.network.deadlines import auto_deadlines_ns
from dvdn_sim.network.exchange import Exchange, ExchangeReport
from dvdn_sim.network.faults import LinksUp, TeamFaults
from dvdn_sim.network.mailbox import Mailboxes
from dvdn_sim.network.predict import Prediction, predict, predict_every
from dvdn_sim.network.simulation import SimulatedNetwork
from dvdn_sim.network.transport import Transport
from dvdn_sim.network.trials import (
    Measurement,
    Number,
    Plan,
    Setting,
    enough_threads,
    enough_trials,
    exchanges,
    measure,
    realised,
)

__all__ = [
    "NEVER", "Clock", "ClockEvent", "Exchange", "ExchangeReport", "LinksUp", "Mailboxes", "Measurement",
    "MessageCounts", "MessageLife", "NetworkCounters", "Number", "Phase", "Plan", "Prediction", "Probe",
    "Setting", "SimulatedNetwork", "TeamFaults", "Transport", "auto_deadlines_ns", "enough_threads",
    "enough_trials", "exchanges", "measure", "predict", "predict_every", "realised",
]  # fmt: skip
