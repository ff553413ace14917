"""The JSON schema says what editors need: keys, kinds, defaults, units."""

import json

import jsonschema
import pytest

from dvdn_sim.scenario import ALGORITHMS, json_schema, read_document

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def block(name):
    """Return the keys of a block that includes nothing."""
    return SCHEMA["$defs"][name]["else"]


def test_it_is_json_and_closed():
    schema = json.loads(json.dumps(SCHEMA, allow_nan=False))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    scenario = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    assert scenario["if"] == {"required": ["include"]}
    assert scenario["else"]["additionalProperties"] is False
    assert scenario["else"]["required"] == ["name", "seeds", "env", "algorithm", "training", "evaluation"]


def test_a_choice_lists_its_kinds():
    kinds = [each["$ref"].rpartition("/")[2] for each in block("Scenario")["properties"]["algorithm"]["else"]["oneOf"]]
    assert [block(kind)["properties"]["kind"]["const"] for kind in kinds] == list(ALGORITHMS)


def test_a_bare_quantity_and_its_blocks_are_alternatives():
    text, blocks = block("LinkSpec")["properties"]["delay"]["anyOf"]
    assert text["type"] == "string"
    assert blocks["else"]["oneOf"][0] == {"$ref": "#/$defs/Constant"}


def test_keys_have_meanings_ranges_and_defaults_as_yaml_writes_them():
    assert block("LinkSpec")["properties"]["mtu"]["default"] == "1472 B"
    assert block("Network")["properties"]["deadline"]["description"].startswith("seconds that an agent waits")
    assert block("Lbf")["properties"]["players"] == {
        "description": "number of players, each an agent.", "type": "integer", "minimum": 1, "maximum": 100,
    }  # fmt: skip


INCLUDING = [
    ("env: {include: x.yaml}", True),
    ("env: {include: [x.yaml, y.yaml], sight: 3}", True),
    ("env: {include: x.yaml, kind: lbf, sight: 3}", True),
    ("env: {include: x.yaml, kind: lbf, sigt: 3}", False),
    ("env: {include: [], sight: 3}", False),
    ("env: {kind: lbf, sight: 3}", False),
    ("env: {sight: 3}", False),
    ("network: {link: {include: x.yaml}}", False),
    ("network: {link: {preset: lan}}", False),
    ("training: {steps: 3}", False),
    ("include: x.yaml\ntraining: {steps: 3}\nenv: {sight: 3}\nnetwork: {link: {loss: 3%}}", True),
    ("include: x.yaml\ntraining: {stes: 3}", False),
]


@pytest.mark.parametrize(("changes", "valid"), INCLUDING)
def test_no_key_is_demanded_of_a_block_that_includes_a_file_nor_within_it(lossy, changes, valid):
    scenario, changed = read_document(lossy).root, read_document(changes).root
    if "include" in changed:
        scenario = {}
    assert VALIDATOR.is_valid(scenario | changed) is valid


def test_the_schema_is_one(lossy):
    VALIDATOR.check_schema(SCHEMA)
    assert VALIDATOR.is_valid(read_document(lossy).root)
