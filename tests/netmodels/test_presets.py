import ast
import math
from pathlib import Path

import pytest

from netmodels import Link, presets
from netmodels.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_describes_what_both_messages_experience(name):
    sizes = (6400,) if name == "ble_1m" else ()  # of 869 packets with up to 166 retries each it takes seconds
    link, small, *large = PRESETS[name].describe(*sizes).splitlines()
    assert link
    assert small.startswith("A message of 6.4 kB takes")
    assert all(each.startswith("A message of 212 kB takes") for each in large)
    assert len(large) == 1 - len(sizes)
    sent = Link(PRESETS[name]).offer(0, 6400)
    assert sent.packets == PRESETS[name].packets(6400)


@pytest.mark.parametrize(
    ("name", "goodput"),
    [
        # Payload per full frame over its time on the wire, as the literature has it for one sender:
        ("ble_1m", 780e3),  # 244 B in 2.504 ms
        ("ieee802154", 118e3),  # 102 B in 6.88 ms
        ("lora_sf7", 4.81e3),  # 222 B in 368.9 ms, by the airtime formula
        ("lan", 957e6),  # 1472 of 1538 B
    ],
)
def test_goodput(name, goodput):
    spec = PRESETS[name]
    seconds = spec.serialisation_ns(spec.mtu + spec.overhead) / 1e9
    assert 8 * spec.mtu / seconds == pytest.approx(goodput, rel=0.01)


def test_lora_airtime_by_the_datasheet():
    spreading, symbol_s, payload = 7, 2**7 / 125e3, 222 + 13
    symbols = 8 + math.ceil((8 * payload - 4 * spreading + 28 + 16) / (4 * spreading)) * 5
    spec = PRESETS["lora_sf7"]
    airtime_s = spec.serialisation_ns(spec.wire_bytes(222)) / 1e9
    assert airtime_s == pytest.approx((12.25 + symbols) * symbol_s, rel=2e-3)


@pytest.mark.parametrize(
    ("name", "stated", "of_bytes", "frame_bytes"),
    [("wifi_adhoc", 0.10, 1000, 1536), ("ieee802154", 0.01, 20, 127), ("lora_sf7", 0.01, 64, 235)],
)
def test_loss_follows_from_the_stated_sensitivity(name, stated, of_bytes, frame_bytes):
    loss = 1 - (1 - stated) ** (frame_bytes / of_bytes)
    assert PRESETS[name].loss.loss_rate == pytest.approx(loss, abs=6e-4)


def test_ble_loss_follows_from_its_bit_error_rate():
    assert PRESETS["ble_1m"].loss.loss_rate == pytest.approx(1 - (1 - 0.00017) ** 2120, abs=6e-4)


def test_every_number_has_its_source_beside_it():
    lines = Path(presets.__file__).read_text(encoding="utf-8").splitlines()
    calls = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Call)]
    for call in (call for call in calls if getattr(call.func, "id", "") == "LinkSpec" and len(call.keywords) > 2):
        for option in call.keywords:
            beside, above = lines[option.value.lineno - 1], lines[option.lineno - 2]
            assert "#" in beside or above.lstrip().startswith("#") or option.arg == "limit", option.arg
