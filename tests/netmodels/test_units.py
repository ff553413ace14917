import math

import numpy as np
import pytest

from netmodels import units


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (units.seconds, "5 ms", 0.005),
        (units.seconds, "5ms", 0.005),
        (units.seconds, "3 ms", 0.003),
        (units.seconds, "1e3 us", 0.001),
        (units.seconds, " 1.5 h ", 5400.0),
        (units.seconds, 0, 0.0),
        (units.seconds, np.float64(0.25), 0.25),
        (units.bits_per_second, "20 Mbit/s", 20e6),
        (units.bits_per_second, "250 kbit/s", 250e3),
        (units.bits_per_second, "1 MB/s", 8e6),
        (units.bits_per_second, "unlimited", math.inf),
        (units.bits_per_second, math.inf, math.inf),
        (units.bits_per_second, 1000, 1000.0),
        (units.size_bytes, "6.4 kB", 6400),
        (units.size_bytes, "212 kB", 212_000),
        (units.size_bytes, "2 KiB", 2048),
        (units.size_bytes, "150_000 B", 150_000),
        (units.size_bytes, np.int64(3), 3),
        (units.probability, "10%", 0.1),
        (units.probability, "3%", 0.03),
        (units.probability, 1, 1.0),
        (units.probability, "0.5", 0.5),
        (units.metres, "1.2 km", 1200.0),
    ],
)
def test_reads(read, value, expected):
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *[(read, bad) for read in (units.seconds, units.bits_per_second, units.size_bytes, units.metres)
          for bad in (True, math.nan, -1, "5", "-5 ms", "nan s", "five", "", None, [1], "5 parsecs", "5 ms ms", 1j)],
        *[(read, 10**400) for read in (units.seconds, units.bits_per_second, units.size_bytes, units.probability)],
        *[(units.listed, bad) for bad in (3, None, "ab", b"ab", {"a": 1}, {1, 2})],
        (units.size_bytes, "1e300 B"),
        (units.metres, "1e300 km"),
        (units.metres_per_second, 1e10),
        (units.seconds, math.inf),
        (units.seconds, "5 MS"),
        (units.size_bytes, math.inf),
        (units.size_bytes, 1.5),
        (units.size_bytes, "1.2345 kB"),
        (units.size_bytes, "5 kb"),
        (units.bits_per_second, 0),
        (units.bits_per_second, "0 Mbit/s"),
        (units.bits_per_second, "20 Mbps"),
        (units.bits_per_second, "0.5 bit/s"),
        *[(units.probability, bad) for bad in (-0.1, 1.1, "101%", "x%", True, math.nan, None)],
    ],
)  # fmt: skip
def test_refuses_naming_parameter_and_value(read, value):
    with pytest.raises(ValueError, match="speed") as refused:
        read(value, "speed")
    assert repr(value) in str(refused.value)
    assert "expected" in str(refused.value) or "must be" in str(refused.value)


@pytest.mark.parametrize("value", [True, 1.0, "3", -1, None])
def test_count_refuses(value):
    with pytest.raises(ValueError, match="limit"):
        units.count(value, "limit")
