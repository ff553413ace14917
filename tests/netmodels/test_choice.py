from dataclasses import fields, is_dataclass
from typing import get_type_hints

import pytest

from netmodels import catalogue
from netmodels.choice import of_kind

CATALOGUES = [catalogue.DELAYS, catalogue.LOSSES, catalogue.TOPOLOGIES, catalogue.MOBILITIES, catalogue.FAULTS]
KINDS = [kind for kinds in CATALOGUES for kind in kinds.values()]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_kind_is_a_frozen_dataclass_whose_types_can_be_read(kind):
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert {field.name for field in fields(kind)} <= set(get_type_hints(kind))
    assert callable(kind.describe)


@pytest.mark.parametrize("options", [{}, {"kind": None}, {"kind": "gamma"}, {"kind": ["constant"]}])
def test_unknown_kinds_are_refused_with_the_known_ones(options):
    with pytest.raises(ValueError, match=r"delay\.kind: expected one of constant, uniform, normal"):
        of_kind("delay", catalogue.DELAYS, options)


def test_presets_are_listed():
    assert list(catalogue.PRESETS) == ["ideal", "lan", "wifi_adhoc", "ble_1m", "ieee802154", "lora_sf7"]
