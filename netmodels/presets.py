"""Links as the standards describe them, with the source of every number.

The radios are taken at the edge of their range, where the standards state what they still achieve (reference
sensitivity); nearer by, nothing is lost, and ``dataclasses.replace(preset, loss=0.0)`` says so. Rates are raw bit
rates. What medium access and acknowledgements take per frame (its mean) is counted as bytes of `overhead` at that rate,
because it holds the sender as bytes do. Contention between senders is not in a link: see ``share`` and `Network`.

Delay is propagation over the nominal range at the speed of light, unless said otherwise. `limit` is netem's default of
1000 packets unless said otherwise.

Loss of a frame of n bytes follows from the stated loss of one of m bytes by independent bit errors, 1 − (1 − p)^(n/m).

What is checked, and what is only recalled: the standards themselves were not at hand. Found again in public sources:

- LAN: bit error rate and its clause (Intel, "1000BASE-T physical layer compliance tests"); 5.38 ns/m (TIA-568).
- Wi-Fi: SIFS, slot and PHY start (table 17-21, ns-3 issue 41), contention window and preamble (Gast, table 13-5), 10%
  of 1000 bytes (Agilent, "Receiver minimum input level sensitivity"), 7 tries in all (Linux, net/wireless, mac80211.h).
- BLE: 420 ms (Linux, le_supv_timeout 0x002a), T_IFS (MathWorks), 251 bytes in 2120 us (TI, "LE data length extension").
- 802.15.4: every value (Microchip, "MAC PIB list"; ns-3, lr-wpan).
- LoRa: 222 bytes (Semtech, "Packet size considerations"), airtime (SX1276 datasheet 4.1.1.7), 1% of 64 bytes (that
  datasheet as DFRobot's driver quotes it), frame (LoRaWAN 1.0.4 clause 4).

Recalled and not verified: BLE's bit error rate of 0.017%, and all other clause, table and volume numbers below.

>>> print(PRESETS["ieee802154"].describe(6400))
250 kbit/s, delay constant 333 ns, loses 6.2% of packets independently, up to 3 retries.
A message of 6.4 kB takes 63 packets and 432.6 ms on the wire; 99.9% arrive whole, half of them within 460.1 ms \
and 99.9% within 515.2 ms.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import TypeAdapter, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from netmodels.links import LinkChange, LinkSpec

IDEAL = LinkSpec(rate="unlimited", delay="0 s")
"""Nothing takes time and nothing is lost, by definition."""

LAN = LinkSpec(
    rate="1 Gbit/s",  # 1000BASE-T, IEEE 802.3-2022 clause 40
    # One store-and-forward switch (a full frame again, 1538 B · 8 ns = 12.3 us) and two links of 100 m, the longest
    # allowed, at 0.538 us each (TIA-568: propagation delay of 100 m of cable).
    delay="13.4 us",
    loss=0.0,  # a bit error rate below 1e-10 (clause 40.6.1.3.1) leaves frames alone
    mtu=1472,  # 1500 bytes of IEEE 802.3 payload less UDP (RFC 768, 8 B) and IPv4 (RFC 791, 20 B)
    # UDP/IPv4 28, MAC header 14, check 4, preamble 8, inter-packet gap 12: IEEE 802.3-2022 clauses 3 and 4.4
    overhead=66,
    limit=1000,
)
"""Gigabit Ethernet through one switch."""

WIFI_ADHOC = LinkSpec(
    # Between the mandatory rates 12 and 24 Mbit/s of the OFDM PHY, IEEE 802.11-2020 clause 17; the class of link for
    # which this project's airtimes are stated.
    rate="20 Mbit/s",
    delay="0.333 us",  # 100 m
    # Less than 10% of 1000-byte frames at the minimum input level (802.11-2020 17.3.10.2); 1536 bytes here.
    loss="14.9%",
    retries=6,  # dot11ShortRetryLimit 7 counts the first try too (802.11-2020 annex C)
    # Ack time-out SIFS + slot + PHY start = 16 + 9 + 20 us (10.3.2.11) less the 44 us counted in the overhead.
    retry_delay="1 us",
    mtu=1472,  # 1500-byte IP packets, less UDP and IPv4
    # UDP/IPv4 28, MAC header and check 28, LLC/SNAP 8; and 165.5 us = 414 B for DIFS 34, mean backoff 7.5 slots of 9,
    # preamble 20, SIFS 16, acknowledgement 28 (table 17-21, aCWmin 15)
    overhead=478,
    limit=1000,
)
"""Wi-Fi without access point, unicast, at the edge of its range."""

BLE_1M = LinkSpec(
    rate="1 Mbit/s",  # LE 1M PHY, Bluetooth Core 5.4 vol. 6 part A
    delay="0.333 us",  # 100 m
    # Bit error rate 0.017% (recalled) for payloads of 128-255 bytes at reference sensitivity (vol. 6 part A 4.1); 2120
    # bits.
    loss="30.3%",
    # The link layer goes on until the supervision time-out: 420 ms on Linux (net/bluetooth/hci_core.c,
    # le_supv_timeout), in tries of 2.504 ms.
    retries=166,
    retry_delay="0 s",  # the overhead of each try holds the wait for the acknowledgement
    mtu=244,  # data PDU 251 (vol. 6 part B 4.5.10), less L2CAP 4 (vol. 3 part A 3.1) and ATT 3 (vol. 3 part F 3.4.7)
    # ATT 3, L2CAP 4, preamble 1, access address 4, header 2, MIC 4, check 3 (vol. 6 part B 2.1, 2.4); and
    # 380 us = 48 B for two T_IFS of 150 us and an empty PDU of 80 us (vol. 6 part B 4.1)
    overhead=69,
    limit=1000,
)
"""Bluetooth Low Energy, one connection, at the edge of its range."""

IEEE802154 = LinkSpec(
    rate="250 kbit/s",  # O-QPSK at 2.4 GHz, IEEE 802.15.4-2020 clause 12
    delay="0.333 us",  # 100 m
    # Less than 1% of frames of 20 bytes at the receiver sensitivity (10.1.7, 12.3.4); 127 bytes here.
    loss="6.2%",
    retries=3,  # macMaxFrameRetries
    retry_delay="0 s",  # macAckWaitDuration, 54 symbols of 16 us, is within what the overhead of each try counts
    mtu=102,  # aMaxPhyPacketSize 127 less aMaxMpduUnsecuredOverhead 25
    # MAC 25, synchronisation and PHY header 6; mean backoff 3.5 · 320 us = 35 B (macMinBe 3), CCA 128 us = 4 B, two
    # turnarounds of 192 us = 12 B, acknowledgement 352 us = 11 B, LIFS 640 us = 20 B
    overhead=113,
    limit=2100,  # ours: room for one message of 212 kB (2079 frames); netem's 1000 would drop half of it
)
"""IEEE 802.15.4 without beacons (Zigbee, Thread), at the edge of its range."""

LORA_SF7 = LinkSpec(
    rate=5468.75,  # SF7, 125 kHz, 4/5: 7 · 125000/2⁷ · 4/5 bit/s (Semtech SX1276 datasheet 4.1.1)
    delay="50 us",  # 15 km
    # Sensitivity is stated for 1% of packets of 64 bytes (SX1276 datasheet 2.5.5); 235 bytes here.
    loss="3.6%",
    mtu=222,  # N at DR5, LoRaWAN regional parameters RP002-1.0.4, EU863-870, repeater compatible
    # LoRaWAN MHDR 1, FHDR 7, FPort 1, MIC 4 (LoRaWAN 1.0.4 clause 4); and 17 B for preamble (12.25 symbols), header
    # and check: a full frame of 235 B then takes 368.6 ms, by the datasheet's formula (4.1.1.7) 368.9 ms
    overhead=30,
    limit=1000,
)
"""LoRa at spreading factor 7, unconfirmed, at the edge of its range. The duty cycle that regions impose (1% in most
European sub-bands, ETSI EN 300 220) is not applied."""

PRESETS: Mapping[str, LinkSpec] = {
    "ideal": IDEAL,
    "lan": LAN,
    "wifi_adhoc": WIFI_ADHOC,
    "ble_1m": BLE_1M,
    "ieee802154": IEEE802154,
    "lora_sf7": LORA_SF7,
}
"""Presets by the name that a scenario uses."""
RADIOS = ("wifi_adhoc", "ble_1m", "ieee802154", "lora_sf7")
"""Those of which an agent has one, whatever the number of its neighbours."""


_CHANGE: TypeAdapter[Mapping[str, object]] = TypeAdapter(LinkChange)


def _from_preset(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    if not isinstance(value, Mapping) or "preset" not in value:
        return handler(value)
    preset = next((spec for name, spec in PRESETS.items() if name == value["preset"]), None)
    if preset is None:
        names = {"given": value["preset"], "valid": list(PRESETS)}
        raise PydanticCustomError("preset_unknown", "expected one of {valid}, got {given}", names)
    others = {name: other for name, other in value.items() if name != "preset"}
    return preset.changed(_CHANGE.validate_python(others, context=info.context))


AnyLink = Annotated[LinkSpec, WrapValidator(_from_preset)]
"""A link, a mapping of its parameters, or one with ``preset`` and what is to differ from it."""
