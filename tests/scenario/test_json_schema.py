"""The JSON schema says what editors need: keys, kinds, defaults, units."""

import json

from dvdn_sim.scenario import json_schema


def test_it_is_json_and_closed():
    schema = json.loads(json.dumps(json_schema(), allow_nan=False))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["name", "seeds", "env", "algorithm", "training", "evaluation"]


def test_a_choice_lists_its_kinds():
    kinds = [block["properties"]["kind"]["const"] for block in json_schema()["properties"]["algorithm"]["oneOf"]]
    assert kinds == ["iql", "vdn", "dvdn"]


def test_a_bare_quantity_and_its_blocks_are_alternatives():
    network = json_schema()["properties"]["network"]["anyOf"][0]
    delay = network["properties"]["link"]["properties"]["delay"]["anyOf"]
    assert delay[0]["type"] == "string"
    assert delay[1]["properties"]["kind"] == {"const": "constant"}


def test_keys_have_meanings_ranges_and_defaults_as_yaml_writes_them():
    network = json_schema()["properties"]["network"]["anyOf"][0]["properties"]
    assert network["link"]["properties"]["mtu"]["default"] == "1472 B"
    assert network["deadline"]["description"].startswith("seconds that an agent waits")
    players = json_schema()["properties"]["env"]["oneOf"][0]["properties"]["players"]
    assert players == {
        "description": "number of players, each an agent.", "type": "integer", "minimum": 1, "maximum": 100,
    }  # fmt: skip
