"""The network on a clock: which message reaches whom, when, and at what cost. simpy stays in here; torch stays out.

clock       simulated time
transport   links between agents, and the transmitters that they share
faults      who is up
standing    which links there are at an instant
phases      of an exchange: rounds, and their acknowledgements
deadlines   how long `auto` waits
exchange    all of it on the clock
report      the facts that an exchange leaves
ledger      what became of every message; the audit
probe       what watches messages
flights     those still on their way between two exchanges
compute     how long agents work before they send
simulation  all of it for one team: act, compute, exchange
mailbox     messages between acting agents, without rounds
prediction  what exchanges will be like, before any; trials: what they are, without learning
"""

from dvdn_sim.network.ledger import MessageCounts
from dvdn_sim.network.probe import MessageLife, Probe
from dvdn_sim.network.report import ExchangeReport
from dvdn_sim.network.simulation import Acknowledgements, SimulatedNetwork

__all__ = ["Acknowledgements", "ExchangeReport", "MessageCounts", "MessageLife", "Probe", "SimulatedNetwork"]
