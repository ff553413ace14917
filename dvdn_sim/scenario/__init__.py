"""From YAML to a `Scenario`, and back.

    scenario    `Scenario`, `Network`, `Training`, `Evaluation`; what the agents send each other, and how many bytes
    envs        what they act in: settings, sizes and rules of every environment, by family
    document    YAML as plain values with their places, and back
    load        files, `include`, `--set`; from a document to a scenario
    shape       what may stand where: for editors, for `dvdn-sim list`, for messages
    mistakes    pydantic's errors with place and remedy
    rules       what several values must satisfy, and whether the replay buffer fits into the machine's memory
    warnings    what can be run and yet is no good idea
    course      of these: what never happens in a run, and what there is too much of
    climbing    and whether DVDN learns, or climbs
    text        a scenario in words

All models are pydantic dataclasses, checked whenever they are built. A kind is a class with its ``kind`` and its name
in a union (`AnyEnv`, `AnyAlgorithm` in `dvdn_sim.algorithms`, and those of `netmodels`).
"""

# isort: off
# fmt: off
from dvdn_sim.algorithms import (
    ALGORITHMS, AnyAlgorithm, Consensus, Dvdn, DvdnGt, GtAdam, Iql, NetworkedQ, ParameterExchange,
    QLearning, Qmix, Sharing, Tracking, Vdn,
)
from dvdn_sim.scenario.document import (
    MAX_BYTES, Document, Lines, Path, Place, Value, block_text, flow_text, read_document,
)
from dvdn_sim.scenario.envs import ENVS, AnyEnv, Env, Foraging, Lbf, LbForaging, Marbler, Opposed, Particles
from dvdn_sim.scenario.load import (
    checked, find_files, first_mistakes, forgotten, kept, load_scenario, parse_scenario, read_yaml,
    resolve_includes, resolved_yaml,
)
from dvdn_sim.scenario.mistakes import no_such
from dvdn_sim.scenario.rules import cores, has_gpu, memory_limit, misfits, refuse_oversized_replay, replay_bytes
from dvdn_sim.scenario.scenario import (
    HEADER_BYTES, VECTORS, AnyCompute, ConstantTime, Epsilon, Evaluation, LognormalTime, MessageSpec, Network,
    NormalTime, OtherLink, Scenario, Training, ack_bytes, exchanged, message_specs, parameter_bytes, parameter_count,
    parse_seeds, td_bytes, weights_of,
)
from dvdn_sim.scenario.shape import Shape, json_schema, listing, shape_of
from dvdn_sim.scenario.text import describe, differences, headline
from dvdn_sim.scenario.climbing import stability
from dvdn_sim.scenario.warnings import warnings_of
# fmt: on
# isort: on

__all__ = [
    "ALGORITHMS",
    "ENVS",
    "HEADER_BYTES",
    "MAX_BYTES",
    "VECTORS",
    "AnyAlgorithm",
    "AnyCompute",
    "AnyEnv",
    "Consensus",
    "ConstantTime",
    "Document",
    "Dvdn",
    "DvdnGt",
    "Env",
    "Epsilon",
    "Evaluation",
    "Foraging",
    "GtAdam",
    "Iql",
    "LbForaging",
    "Lbf",
    "Lines",
    "LognormalTime",
    "Marbler",
    "MessageSpec",
    "Network",
    "NetworkedQ",
    "NormalTime",
    "Opposed",
    "OtherLink",
    "ParameterExchange",
    "Particles",
    "Path",
    "Place",
    "QLearning",
    "Qmix",
    "Scenario",
    "Shape",
    "Sharing",
    "Tracking",
    "Training",
    "Value",
    "Vdn",
    "ack_bytes",
    "block_text",
    "checked",
    "cores",
    "describe",
    "differences",
    "exchanged",
    "find_files",
    "first_mistakes",
    "flow_text",
    "forgotten",
    "has_gpu",
    "headline",
    "json_schema",
    "kept",
    "listing",
    "load_scenario",
    "memory_limit",
    "message_specs",
    "misfits",
    "no_such",
    "parameter_bytes",
    "parameter_count",
    "parse_scenario",
    "parse_seeds",
    "read_document",
    "read_yaml",
    "refuse_oversized_replay",
    "replay_bytes",
    "resolve_includes",
    "resolved_yaml",
    "shape_of",
    "stability",
    "td_bytes",
    "warnings_of",
    "weights_of",
]  # fmt: skip
