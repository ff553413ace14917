"""What ``manifest.json`` says of a run: who it is, and how the network's books stand."""

import os
import platform
import socket
from importlib.metadata import version
from typing import Any

import torch

from dvdn_sim.network import MessageCounts, SimulatedNetwork
from dvdn_sim.scenario import Scenario
from dvdn_sim.scenario.catalogue import ALGORITHMS, ENVS

DISTRIBUTIONS = ("dvdn-sim", "torch", "numpy", "simpy", "lbforaging", "safetensors")


def identity_of(scenario: Scenario, device: torch.device, *, custom_env: str | None, traced: bool) -> dict[str, object]:
    """The part of the manifest that does not change while a process works on a run."""
    kinds = {spec: kind for catalogue in (ALGORITHMS, ENVS) for kind, spec in catalogue.items()}
    return {
        "name": scenario.name,
        "seeds": list(scenario.seeds),
        "algorithm": kinds[type(scenario.algorithm)],
        "env": custom_env or kinds[type(scenario.env)],
        "device": str(device),
        "threads": torch.get_num_threads(),
        "traced": traced,
        "versions": {name: version(name) for name in DISTRIBUTIONS} | {"python": platform.python_version()},
        "process": {"host": socket.gethostname(), "pid": os.getpid()},
    }


def books_of(seeds: tuple[int, ...], networks: tuple[SimulatedNetwork, ...]) -> dict[str, object]:
    """The network's books: totals of messages, packets of every link, and what is cut for ever."""
    return {
        "messages": _messages(networks),
        "packets": _packets(seeds, networks),
        "cut_for_ever": sorted({cut for network in networks for cut in network.cut_for_ever}),
    }


def audit_of(networks: tuple[SimulatedNetwork, ...]) -> str:
    """What does not add up in them, or "ok"."""
    findings = [network.counters.audit() for network in networks]
    return "; ".join(finding for finding in findings if finding != "ok") or "ok"


def _messages(networks: tuple[SimulatedNetwork, ...]) -> dict[str, Any] | None:
    """Message totals over all replicas; None without a network."""
    if not networks:
        return None
    total = sum((network.counters.messages for network in networks), MessageCounts())
    return total.as_json() | {"bytes": sum(network.counters.wire_bytes for network in networks)}


def _packets(seeds: tuple[int, ...], networks: tuple[SimulatedNetwork, ...]) -> list[dict[str, object]]:
    """Packets per seed, kind and link."""
    return [
        {
            "seed": seed,
            "kind": kind,
            "sender": sender,
            "receiver": receiver,
            **count.as_json(),
        }
        for seed, network in zip(seeds, networks, strict=False)
        for (kind, sender, receiver), count in sorted(network.counters.packets.items())
    ]
