"""From YAML to a `Scenario`, and back.

    scenario    `Scenario`, `Training`, `Evaluation`
    algorithm   how the agents learn and what they exchange
    network     the network between them; links, topologies and faults are the specs of `netmodels`
    envs        what they act in: settings, sizes and rules of every environment
    document    YAML as plain values with their places, and back
    load        files, `include`, `--set`; from a document to a scenario
    schema      what may stand where: for editors, for `dvdn-sim list`, for messages
    mistakes    pydantic's errors with place and remedy
    rules       what several values must satisfy
    messages    what the agents send each other, and how many bytes it takes
    memory      whether the replay buffer fits into the machine's memory
    warnings    what can be run and yet is no good idea
    text        a scenario in words

All models are pydantic dataclasses, checked whenever they are built. A kind is a class with its ``kind`` and its name
in a union (`AnyEnv`, `AnyAlgorithm`, and those of `netmodels`).
"""

from dvdn_sim.scenario.algorithm import (
    ALGORITHMS,
    POLICIES,
    AnyAlgorithm,
    AnyPolicy,
    AnyWeights,
    Consensus,
    Dvdn,
    DvdnGt,
    GtAdam,
    Iql,
    NetworkedQ,
    ParameterExchange,
    QLearning,
    Qmix,
    Sharing,
    Tracking,
    Vdn,
)
from dvdn_sim.scenario.document import (
    MAX_BYTES,
    Document,
    Path,
    Place,
    Value,
    block_text,
    dotted,
    flow_text,
    read_document,
    value_at,
)
from dvdn_sim.scenario.envs import (
    ENVS,
    AnyEnv,
    ArcticTransport,
    Env,
    Foraging,
    Lbf,
    LbForaging,
    Marbler,
    MaterialTransport,
    MpeAdversary,
    MpeSpread,
    MpeTag,
    Particles,
    PredatorCapturePrey,
    Warehouse,
)
from dvdn_sim.scenario.load import (
    checked,
    first_mistakes,
    load_scenario,
    override,
    parse_scenario,
    read_file,
    reason_of,
    resolve_includes,
    resolved_yaml,
)
from dvdn_sim.scenario.memory import has_gpu, memory_limit, refuse_oversized_replay, replay_bytes
from dvdn_sim.scenario.messages import (
    HEADER_BYTES,
    VECTORS,
    MessageSpec,
    ack_bytes,
    exchanged,
    message_specs,
    parameter_bytes,
    parameter_count,
    td_bytes,
)
from dvdn_sim.scenario.mistakes import choose, meant
from dvdn_sim.scenario.network import AUTO, AnyCompute, ConstantTime, LognormalTime, Network, NormalTime, OtherLink
from dvdn_sim.scenario.scenario import Epsilon, Evaluation, Scenario, Training, parse_seeds
from dvdn_sim.scenario.schema import Shape, json_schema, listing, shape_of
from dvdn_sim.scenario.text import describe, differences, headline
from dvdn_sim.scenario.warnings import warnings_of

__all__ = [
    "ALGORITHMS",
    "AUTO",
    "ENVS",
    "HEADER_BYTES",
    "MAX_BYTES",
    "POLICIES",
    "VECTORS",
    "AnyAlgorithm",
    "AnyCompute",
    "AnyEnv",
    "AnyPolicy",
    "AnyWeights",
    "ArcticTransport",
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
    "LognormalTime",
    "Marbler",
    "MaterialTransport",
    "MessageSpec",
    "MpeAdversary",
    "MpeSpread",
    "MpeTag",
    "Network",
    "NetworkedQ",
    "NormalTime",
    "OtherLink",
    "ParameterExchange",
    "Particles",
    "Path",
    "Place",
    "PredatorCapturePrey",
    "QLearning",
    "Qmix",
    "Scenario",
    "Shape",
    "Sharing",
    "Tracking",
    "Training",
    "Value",
    "Vdn",
    "Warehouse",
    "ack_bytes",
    "block_text",
    "checked",
    "choose",
    "describe",
    "differences",
    "dotted",
    "exchanged",
    "first_mistakes",
    "flow_text",
    "has_gpu",
    "headline",
    "json_schema",
    "listing",
    "load_scenario",
    "meant",
    "memory_limit",
    "message_specs",
    "override",
    "parameter_bytes",
    "parameter_count",
    "parse_scenario",
    "parse_seeds",
    "read_document",
    "read_file",
    "reason_of",
    "refuse_oversized_replay",
    "replay_bytes",
    "resolve_includes",
    "resolved_yaml",
    "shape_of",
    "td_bytes",
    "value_at",
    "warnings_of",
]
