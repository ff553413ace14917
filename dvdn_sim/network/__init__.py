"""The network on a clock: which message reaches whom, when, and at what cost. simpy stays in here; torch stays out.

clock       simulated time
transport   links between agents, and the count of every packet
exchange    rounds, deadlines, and the facts they leave
ledger      what became of every message; the audit
compute     how long agents work before they send
simulation  all of it for one team: act, compute, exchange
"""

from dvdn_sim.network.exchange import ExchangeReport
from dvdn_sim.network.ledger import MessageCounts
from dvdn_sim.network.simulation import SimulatedNetwork

__all__ = ["ExchangeReport", "MessageCounts", "SimulatedNetwork"]
