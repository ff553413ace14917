"""YAML as scenarios have it: stricter than the standard, and with the place of everything."""

import pytest

from dvdn_sim.scenario import MAX_BYTES, block_text, read_document
from dvdn_sim.scenario.document import MAX_DEPTH, MAX_VALUES


def test_values_and_lines():
    document = read_document("a: 1\nb:\n  c: [x, 5 ms,\n    2.5]\nd: {e: null}\n")
    assert document.root == {"a": 1, "b": {"c": ["x", "5 ms", 2.5]}, "d": {"e": None}}
    lines = {path: document.place(path).line for path in [("a",), ("b", "c"), ("b", "c", 2), ("d", "e"), ("d", "no")]}
    assert lines == {("a",): 1, ("b", "c"): 3, ("b", "c", 2): 4, ("d", "e"): 5, ("d", "no"): 5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("3e-4", 3e-4), ("1e5", 100_000), ("150_000", 150_000), ("-7", -7), ("+7", 7), ("1.", 1.0), (".5", 0.5)],
        *[("on", "on"), ("off", "off"), ("yes", "yes"), ("no", "no"), ("true", True), ("False", False)],
        *[("~", None), ("", None), ("null", None), ("1:30", "1:30"), ("0x1F", 31), ("0o17", 15), ("017", 17)],
        *[("5 ms", "5 ms"), ("10%", "10%"), ("2024-01-01", "2024-01-01"), ("1_", "1_"), ("9" * 99, "9" * 99)],
        *[("-.inf", float("-inf")), ("<<", "<<"), ("=", "=")],
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    read = read_document(f"a: {text}").root
    assert read == {"a": value}
    assert type(read["a"]) is type(value)
    assert read_document(block_text({"a": value})).root == {"a": value}


def test_quotes_make_texts():
    assert read_document("a: '3'\nb: \"true\"\nc: |\n  7\n").root == {"a": "3", "b": "true", "c": "7\n"}
    assert block_text(["3", "3 ms"]) == "['3', 3 ms]\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: &x 1\nb: 2", 1, "anchor `&x`"),
        ("a: &x 1\nb: *x", 2, "alias `*x`"),
        ("a: 1\nb: !!python/object:os.system 2", 2, "tag `tag:yaml.org,2002:python/object:os.system`"),
        ("a: 1\n---\nb: 2", 2, "found another document"),
        ("a: 1\nb: 2\na: 3", 3, "`a` is given twice, first on line 1"),
        ("a: {b: 1, b: 2}", 1, "`b` is given twice"),
        ("? [a, b]\n: 1", 1, "a key must be a word"),
        ("a: [1, 2", 1, "not YAML"),
        ("a: 1\n b: 2", 2, "not YAML"),
        ("a: 1\n\tb: 2", 2, "not YAML"),
        ('a: "\\UFFFFFFFF"', None, "not YAML"),
        ("a: 1\nb: \x00", 2, "not YAML: the character U+0000"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), 1, "nested deeper"),
        ("[" * 100_000, 1, "nested deeper"),
        ("a:\n- [" + "1," * (MAX_VALUES + 1) + "]", 2, "more than 30_000 keys and values"),
        ("a: 1\n" * (MAX_BYTES // 5 + 1), None, "longer than 640 KiB"),
        (b"\na: \xff", 2, "byte 4 is not UTF-8"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_scenarios_do_not_need_is_refused(text, line, message):
    mistakes = read_document(text).mistakes
    assert any(message in mistake.message and mistake.line == line for mistake in mistakes), mistakes


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert read_document(b"\xef\xbb\xbfa: 1").root == {"a": 1}


def test_a_repeated_key_does_not_hide_other_mistakes(lossy, mistakes_of):
    mistakes = mistakes_of(lossy.replace("lr: 3e-4", "lr: fast\n  lr: 3e-4"))
    assert [mistake.path for mistake in mistakes] == ["algorithm.lr", "algorithm.lr"]
    assert [mistake.line for mistake in mistakes] == [9, 10]
