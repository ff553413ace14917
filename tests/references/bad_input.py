"""Scenarios from the JSON schema, and what becomes of them when they are mistreated: strategies for tests of bad input.

`scenarios` draws what the schema allows, its extremes first; `mistreated` damages such a one, or a scenario of a file:
its values, then its text, then its bytes. `HOSTILE` are whole texts that have hurt readers of YAML elsewhere. All are
given to `checked`.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import strategies as st
from typer.testing import CliRunner

from dvdn_sim.cli import app
from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import json_schema, load_scenario, read_document, resolved_yaml

Schema = dict[str, Any]
Steps = tuple[str | int, ...]

FOLDER = Path(__file__).parents[2] / "scenarios"
FILES = (
    "values.csv", "places.csv", "nowhere", "folder", "pipe", "loop", "endless", "secret.yaml", "missing/../values.csv",
    "../../../../../../etc/passwd", "/dev/zero", "/dev/stdin", "/proc/self/environ", "", ".", "..", "~", "\x00",
    "x" * 300, "\ud800", "policy.safetensors", "pickle.safetensors",
)  # fmt: skip
"""Names that stand where a file is named; `lay_traps` makes some of them."""


def lay_traps(folder: Path) -> None:
    """Make the files of `FILES` that are there: some good, some that have no end, or no beginning."""
    folder.joinpath("values.csv").write_text("0\n1\n0\n")
    folder.joinpath("places.csv").write_text("time,agent,x,y\n0,0,1,1\n0,1,2,2\n0,2,3,1\n")
    folder.joinpath("secret.yaml").write_text("password: hunter2\n")
    folder.joinpath("policy.safetensors").write_bytes(b"\xff" * 100)
    folder.joinpath("pickle.safetensors").write_bytes(b"\x80\x04N.")
    folder.joinpath("folder").mkdir()
    os.mkfifo(folder / "pipe")
    folder.joinpath("loop").symlink_to("loop")
    folder.joinpath("endless").symlink_to("/dev/zero")


NUMBERS = (
    0, 1, -1, 2, 3, 7, 2**31, 2**53 + 1, 2**63, 10**12, 10**30, -(10**18), 0.0, -0.0, 0.5, 1.0, 1e-320, 1e-300, 1e300,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
WORDS = (
    "5", "5 ms", "5ms", "-5 ms", "5 sec", "1e400 s", "1e-400 s", "nan s", "inf", ".nan", "0x1F s", "1_0 ms", "1__0 ms",
    "20%", "120%", "-1%", "%", "20 Mbps", "1e300 Gbit/s", "0 bit/s", "0.5 B", "1e15 B", "auto", "unlimited", "true",
    "null", "off", "self", "dvdn", "lbf", "ring", "random_connected", "gemodel", "", " ", "~", "a" * 5000, "🙂", "é",
    "\u2028", "\u202e", "\x1b[31m", "a\nb", "\x00", "\ud800", "{", "[/red]", "*a", "&a", "!!int", "${HOME}", "{{x}}",
    "../../x", "/etc", "con", "..", *FILES,
)  # fmt: skip
KEYS = ("x", "kind", "include", "file", "values", "mean", "preset", "<<", "", " ", "a.b", "k" * 3000, "é", "\x00", "1")


def instances(schema: Schema, whole: Schema) -> st.SearchStrategy[Any]:
    """What a schema allows: keys that are demanded, some of the others, and the ends of ranges oftener than not."""
    while "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    schema = schema.get("else", schema)  # nothing is included
    if "const" in schema or "enum" in schema:
        return st.sampled_from([schema["const"]] if "const" in schema else schema["enum"])
    alternatives = None if "properties" in schema else schema.get("anyOf", schema.get("oneOf"))
    if alternatives:
        return st.one_of([instances(each, whole) for each in alternatives])
    return _OF_TYPE[schema["type"]](schema, whole)


def _object(schema: Schema, whole: Schema) -> st.SearchStrategy[Any]:
    found = {name: instances(each, whole) for name, each in schema["properties"].items() if name != "include"}
    needed = schema.get("required", schema.get("anyOf", [{}])[-1].get("required", ()))
    every = {name: found[name] for name in needed}
    others = {name: found[name] for name in found if name not in needed}
    some = st.lists(st.sampled_from(sorted(others)), max_size=3, unique=True) if others else st.just([])
    return some.flatmap(lambda names: st.fixed_dictionaries({**every, **{name: others[name] for name in names}}))


def _array(schema: Schema, whole: Schema) -> st.SearchStrategy[Any]:
    if "prefixItems" in schema:
        return st.tuples(*(instances(each, whole) for each in schema["prefixItems"])).map(list)
    least = schema.get("minItems", 0)
    return st.lists(instances(schema["items"], whole), min_size=least, max_size=least + 3)


def _integer(schema: Schema, _: Schema) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", 0), schema.get("maximum", 10**12)
    ends = [low, low + 1, min(high, 3), high, min(high, 1000)]
    return st.one_of(st.sampled_from([each for each in ends if low <= each <= high]), st.integers(low, high))


def _number(schema: Schema, _: Schema) -> st.SearchStrategy[Any]:
    low, high = schema.get("exclusiveMinimum", schema.get("minimum", -1e300)), schema.get("maximum", 1e300)
    ends = [1e-320, 1e-300, 1e-9, 0.0, 0.5, 1.0, 10.0, 1e300, low, high]
    return st.sampled_from([each for each in ends if low <= each <= high])


def _string(schema: Schema, _: Schema) -> st.SearchStrategy[Any]:
    if "pattern" in schema:
        return st.sampled_from(["a", "x" * 64, "con", "a..b", "0-"])
    if "examples" not in schema:
        return st.sampled_from([*FILES, "values.csv", "values.csv"])
    units = sorted({word.partition(" ")[2] for word in schema["examples"]} - {""}) or ["%"]
    extremes = [f"{number} {unit}" for unit in units for number in ("0", "1", "1e-320", "1e-9", "1e9", "1e300")]
    return st.sampled_from([*schema["examples"], *schema["examples"], *extremes])


_OF_TYPE = {
    "object": _object,
    "array": _array,
    "integer": _integer,
    "number": _number,
    "string": _string,
    "boolean": lambda schema, whole: st.booleans(),
    "null": lambda schema, whole: st.none(),
}


@cache
def scenarios() -> st.SearchStrategy[Any]:
    """Scenarios as the schema has them; rules that join several values need not hold."""
    schema = json_schema()
    return instances(schema, schema)


@cache
def shipped() -> tuple[Any, ...]:
    """The scenarios that come with this project, complete, as plain values."""
    found = []
    for path in sorted(FOLDER.rglob("*.yaml")):
        with suppress(ScenarioError):  # parts of scenarios, and sweeps
            found.append(read_document(resolved_yaml(load_scenario(path))).root)
    return tuple(found)


def steps_within(value: Any, here: Steps = ()) -> Iterator[Steps]:
    """The way to a value and to all within it."""
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield from steps_within(each, (*here, step))


def _at(value: Any, steps: Steps) -> Any:
    for step in steps:
        value = value[step]
    return value


def _with(value: Any, steps: Steps, new: Any) -> Any:
    """The same with another value at some place."""
    if not steps:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[steps[0]] = _with(value[steps[0]], steps[1:], new) if len(steps) > 1 else new
    return copy


def _deep(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@st.composite
def mistreated_values(draw: st.DrawFn, value: Any) -> Any:  # noqa: PLR0911
    """One value of a scenario gone, doubled, renamed, moved, wrapped, or another one."""
    ways = list(steps_within(value))
    steps = draw(st.sampled_from(ways))
    here, how = _at(value, steps), draw(st.integers(0, 7))
    if how <= 1:
        return _with(value, steps, draw(st.sampled_from(NUMBERS)))
    if how <= 3:
        return _with(value, steps, draw(st.sampled_from(WORDS)))
    if how == 4:
        return _with(value, steps, _at(value, draw(st.sampled_from(ways))))
    if how == 5:
        return _with(
            value, steps, draw(st.sampled_from([None, True, [], {}, [here], {"x": here}, _deep(30), [here] * 50]))
        )
    if isinstance(here, dict):
        key = draw(st.sampled_from(KEYS))
        kept = {name: each for index, (name, each) in enumerate(here.items()) if how == 6 or index}
        return _with(value, steps, {**kept, key: draw(st.sampled_from([*here.values(), *WORDS, *NUMBERS]))})
    if isinstance(here, list) and here:
        return _with(value, steps, here[:-1] if how == 6 else [*here, *here])
    return _with(value, steps[:-1], _without(_at(value, steps[:-1]), steps[-1])) if steps else value


def _without(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if key != step}
    return [each for index, each in enumerate(value) if index != step]


@st.composite
def grafted(draw: st.DrawFn, bases: Sequence[Any]) -> Any:
    """A scenario with a few blocks or values from the schema: often one that can be run."""
    value, other = draw(st.sampled_from(bases)), draw(scenarios())
    for _ in range(draw(st.integers(0, 4))):
        ways = [steps for steps in steps_within(other) if steps and _is_at(value, steps[:-1], steps[-1])]
        if ways:
            steps = draw(st.sampled_from(ways))
            value = _with(value, steps, _at(other, steps))
    return value


def _is_at(value: Any, steps: Steps, last: str | int) -> bool:
    """Whether the block that is to hold something is there."""
    for step in steps:
        if not isinstance(value, dict | list) or step not in (value if isinstance(value, dict) else range(len(value))):
            return False
        value = value[step]
    return isinstance(value, dict) or (isinstance(value, list) and last in range(len(value)))


PIECES = (
    "{", "}", "[", "]", ":", ": ", ",", "\n", "  ", "\t", "- ", "#", "'", '"', "|", ">", "?", "&a ", "*a", "!!int ", "---\n",  # noqa: E501
    "...\n", "%YAML 9.9\n", "%TAG ! x\n", "<<: *a\n", "<<: {x: 1}\n", "&a [*a]", "!!python/object/apply:os.system ['true']",  # noqa: E501
    "!!python/object:builtins.object {}", "!!binary aGk=", "!!set {a}", "\ufeff", "\x00", "\x07", "\x85", "\u2028", "🙂",  # noqa: E501
    "\ud800", "'\\ud800'", '"\\ud800"', '"\\UFFFFFFFF"', "name: b\n", "seeds: [0]\n", "include: .\n", "include: pipe\n",
    "include: main.yaml\n", "include: endless\n", "include: [folder, secret.yaml]\n", "9" * 400, "1e999", "0x" + "f" * 50,  # noqa: E501
    "[" * 60, "{a: " * 60, "? ? ? ", "- - - - ", "a" * 3000, "x: 1\n" * 300,
)  # fmt: skip


@st.composite
def mistreated_text(draw: st.DrawFn, text: str) -> str:
    """Pieces of YAML cut, copied and pasted."""
    start, other = draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))
    length = draw(st.sampled_from([0, 0, 1, 3, 20, 200]))
    pasted = draw(st.one_of(st.sampled_from(PIECES), st.just(text[other : other + length])))
    return text[:start] + pasted + text[start + length :]


@st.composite
def mistreated_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes changed, cut off, or of another encoding."""
    how = draw(st.integers(0, 5))
    if how == 0:
        return data.decode("utf-8", "replace").encode(
            draw(st.sampled_from(["utf-16", "utf-16-be", "utf-32", "utf-8-sig"]))
        )
    if how == 1:
        return data[: draw(st.integers(0, len(data)))]
    if how == 2:
        return (
            draw(st.sampled_from([b"\x80\x04", b"\x1f\x8b", b"PK\x03\x04", b"\xff\xfe", b"#!/bin/sh\n", b"\x00"]))
            + data
        )
    changed = bytearray(data or b"\0")
    for index, byte in draw(st.lists(st.tuples(st.integers(0, len(changed) - 1), st.integers(0, 255)), max_size=5)):
        changed[index] = byte
    return bytes(changed)


def as_text(value: Any, *, flow: bool | None = None) -> str:
    """YAML of any value."""
    return yaml.safe_dump(value, sort_keys=False, default_flow_style=flow, allow_unicode=True, width=10**6)


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


@st.composite
def mistreated(draw: st.DrawFn, bases: Sequence[Any] | None = None) -> bytes:
    """A file that ought to be a scenario: made of one of this project's, or of those that are given."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.one_of(st.binary(max_size=300), st.sampled_from(list(HOSTILE.values()))))
    value = draw(scenarios() if kind <= 2 and bases is None else grafted(bases or shipped()))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3, 6] if kind <= 6 else [0, 0, 0, 1]))):
        value = draw(mistreated_values(value))
    dumper = _NoAliases if draw(st.integers(0, 9)) else yaml.SafeDumper
    text = yaml.dump(
        value, Dumper=dumper, sort_keys=False, default_flow_style=draw(st.sampled_from([None, True, False])),
        allow_unicode=True, width=10**6,
    )  # fmt: skip
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 4]))):
        text = draw(mistreated_text(text))
    data = text.encode("utf-8", "surrogatepass")
    return draw(mistreated_bytes(data)) if draw(st.integers(0, 9)) == 9 else data


LINES = re.compile(
    r"(?P<source>.*: (1 mistake|\d+ mistakes))"
    r"|  (?P<place>line \d+( of .+?)?|--set .*|the whole file|[^ ]+)(  [^ ].*)?"
    r"|      [^ ].*"
)
"""What `dvdn-sim check` prints of mistakes: the file, the place of each with its path, and below it what is wrong."""


def checked(file: Path) -> int:
    """The exit code of `dvdn-sim check`, run in this process.

    Raises:
        Exception: Whatever the command does not turn into words.
        AssertionError: A line that is none of `LINES`, or another exit code than 0 or 2.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", "100000")
        result = CliRunner().invoke(app, ["check", str(file)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 2), result.stderr
    if result.exit_code == 2:
        wrong = [line for line in result.stderr.splitlines() if not LINES.fullmatch(line)]
        assert not wrong, wrong
        assert "mistake" in result.stderr
    return result.exit_code


def _laughs() -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join(lines)


_BASE = (Path(__file__).parents[2] / "scenarios" / "lossy_lbf.yaml").read_text()
_LONG = 100_000
HOSTILE: dict[str, bytes] = {
    name: text if isinstance(text, bytes) else text.encode()
    for name, text in {
        "nothing": "",
        "a billion laughs": _laughs(),
        "a cycle": "a: &a {b: *a}",
        "a merge of itself": "a: &a {<<: *a}",
        "nested lists": "[" * 10_000 + "]" * 10_000,
        "nested blocks": "".join(f"{' ' * n}a:\n" for n in range(600)),
        "nested in one line": "{a: " * 10_000 + "1" + "}" * 10_000,
        "nested lists in one line": "- " * 100_000 + "1",
        "nested questions": "? " * 100_000,
        "a nested key": "? " + "[" * 100_000 + "\n: 1",
        "unclosed brackets in a key": "? [" + "{" * 100_000,
        "python": "a: !!python/object/apply:os.system ['touch pwned']",
        "python again": "!!python/object/new:subprocess.Popen [['touch', 'pwned']]",
        "two scenarios": _BASE + "---\n" + _BASE,
        "a hundred thousand documents": "---\n" * 60_000,
        "keys twice": _BASE + _BASE,
        "many keys": _BASE + "".join(f"k{n}: 1\n" for n in range(10_000)),
        "many keys of one block": _BASE + "z: {" + ", ".join(f"k{n}: 1" for n in range(10_000)) + "}",
        "one key again and again": "a: 1\n" * 20_000,
        "many blocks": _BASE.replace("faults: []", "faults: [" + "{kid: 3}, " * 8_000 + "]"),
        "many entries": _BASE.replace("[0, 1]", "[" + "x," * 40_000 + "]"),
        "many numbers": _BASE.replace("[0, 1]", "[" + ",".join(map(str, range(15_000))) + "]"),
        "many pairs": _BASE.replace("{kind: random_connected", "{kind: edges, edges: [" + "[0,1]," * 15_000 + "]"),
        "many unfinished texts": "a: '" + "x\n" * 100_000,
        "a long word": "name: " + "x" * _LONG,
        "a long key": "x" * _LONG + ": 1",
        "a long key in a block": _BASE + "zz: {" + "y" * _LONG + ": 1}\n",
        "a long line of blanks": "name:" + " " * _LONG,
        "a long comment": "#" * _LONG,
        **{
            f"many {sign!r}": sign * _LONG
            for sign in ("[,", "{:", '"', "-", "!", '"\\', "%", "a: |", "\t", "\r\n", "\u0085", "\0")
        },
        "too much": "a: 1\n" * 200_000,
        "utf-16": _BASE.encode("utf-16"),
        "utf-32": _BASE.encode("utf-32"),
        "latin-1": b"name: \xe9\n",
        "a mark": b"\xef\xbb\xbf" + _BASE.encode(),
        "two marks": b"\xef\xbb\xbf\xef\xbb\xbf" + _BASE.encode(),
        "half a surrogate": 'name: "\\ud800"',
        "an escape": _BASE.replace("lossy_lbf", '"\\x1b[31mred\\n\\n"'),
        "a key with lines": _BASE + '"a\\nb": 1\n',
        "gzip": b"\x1f\x8b\x08\x00" + bytes(range(256)),
        "a pickle": b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.",  # noqa: E501
        "infinity": _BASE.replace("3e-4", ".inf").replace("10 ms", "1e999 s"),
        "digits": _BASE.replace("seeds: [0, 1]", "seeds: [" + "9" * 100_000 + "]"),
    }.items()
}
"""Whole files by what is wrong with them."""
