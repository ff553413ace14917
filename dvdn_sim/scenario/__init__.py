"""From YAML to a `Scenario`, and back.

A scenario's classes are plain frozen dataclasses, and hold all the defaults:

- `scenario`: the whole; `algorithm`, `network`, `compute`, `training`: its blocks.
- `env`: what all environments have; `foraging`, `particles`, `marbler`: their settings.
- `catalogue`: every kind by name, and the names that are not supported yet.
- `wires`: what the agents send each other; `messages`: how many bytes a message carries.
- `memory`: whether the replay buffer fits into the machine's memory.
- `quantities`, `blocks`: how a field's type tells the unit, and a dataclass the keys, of a piece of YAML.

A text becomes a scenario in this order:

- `document` (over `scalars`): YAML as plain values, and the line of each.
- `include`: blocks that stand in files of their own.
- `overrides`: ``--set``.
- `load` (over `files`): pydantic checks keys, types, units and ranges; `rules` (and `env_rules`, `network_rules`,
  `wire_rules`, `consensus_rules`, `clock_rules`) what several values must satisfy, also where only `partial` knowledge
  of a scenario is to be had.
- `explain` (over `words`, `names`, `walk`): every mistake with its place and a remedy.

And back: `write` (over `yaml_text`) as complete YAML, `describe` in words; `json_schema` for editors. What can be run
and yet is no good idea is in `warnings`.
"""

from dvdn_sim.scenario.describe import describe, headline
from dvdn_sim.scenario.json_schema import json_schema
from dvdn_sim.scenario.load import load_scenario, parse_scenario
from dvdn_sim.scenario.memory import has_gpu, memory_limit, refuse_oversized_replay, replay_bytes
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.warnings import warnings_of
from dvdn_sim.scenario.write import resolved_yaml

__all__ = [
    "Scenario",
    "describe",
    "has_gpu",
    "headline",
    "json_schema",
    "load_scenario",
    "memory_limit",
    "parse_scenario",
    "refuse_oversized_replay",
    "replay_bytes",
    "resolved_yaml",
    "warnings_of",
]
