"""`dvdn-sim predict` and `dvdn-sim consensus`: what they print, write and refuse."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from command_line import invoke

ROOT = Path(__file__).parents[1]
LOSSY = str(ROOT / "scenarios" / "lossy_lbf.yaml")
SHARED = {
    "delivered_fraction", "round_time_s", "bytes_per_update", "a_eff", "mse_after_rounds", "mean_drift_var",
}  # fmt: skip
THREE = ["--set", "algorithm.consensus.rounds=3"]


def test_predict_as_json():
    result = invoke("predict", LOSSY, *THREE, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert found.keys() >= SHARED
    assert len(found["mse_after_rounds"]) == 3
    assert found["how"].keys() == found["standard_error"].keys() >= SHARED
    assert set(found["how"].values()) <= {"closed", "sampled"}
    assert found["bytes_per_update"] == 3 * 4 * (24 + 4 * 32 * 10 + 28)
    assert found["whole_probability"] == pytest.approx(0.25 / 0.28)
    (only,) = found["wires"]
    assert only == {name: value for name, value in found.items() if name in only}
    assert found["total_bytes_per_update"] == found["bytes_per_update"]


def test_predict_as_a_table():
    result = invoke("predict", LOSSY, *THREE)
    assert result.exit_code == 0, result.output
    heading, wire, _, *lines = result.stdout.splitlines()
    assert heading.startswith("lossy_lbf: 3 agents, random connected graph of 2 links")
    assert wire == "TD errors: 3 rounds of self"
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    figures = [line for line in lines if not line.startswith(("rounds of", "  Over", "  Mind", "  in vain", "  what"))]
    said = [line for line in figures if "predicted" not in line and line.split()[-1] in {"closed", "sampled"}]
    assert len(said) >= 18
    assert "a_eff" in result.stdout
    assert "come after their round was closed" in " ".join(result.stdout.split())


def test_nothing_infinite_in_json():
    result = invoke("predict", LOSSY, "--set", "network.link.loss=100%", "--json")
    found = json.loads(result.stdout)
    assert found["completion_p50_s"] is None
    assert (found["delivered_fraction"], found["a_eff"]) == (0.0, pytest.approx(1.0))
    assert any("never arrive" in warning for warning in found["warnings"])


GT = [
    "--set",
    "algorithm={kind: dvdn_gt, consensus: {rounds: 3}, tracking: {every: 4}}",
    "--set",
    "network.deadline=1 s",
]


def test_predict_tells_every_kind_of_message():
    """The first at the top, as it was before there were others, and then all."""
    td = json.loads(invoke("predict", LOSSY, *THREE, *GT[2:], "--json").stdout)
    found = json.loads(invoke("predict", LOSSY, *GT, "--json").stdout)
    first, second = found["wires"]
    assert (first["kind"], second["kind"]) == ("td", "gt")
    # How busy a transmitter is depends on what else is exchanged in an update.
    errors = {**first["standard_error"], "utilisation": td["standard_error"]["utilisation"]}
    assert {**first, "utilisation": td["utilisation"], "standard_error": errors} == td["wires"][0]
    assert {name: found[name] for name in first} == first
    assert second.keys() == first.keys() - {"jtd_relative_error"}
    assert second["exchanges_per_update"] == 0.25
    assert found["total_bytes_per_update"] == first["bytes_per_update"] + second["bytes_per_update"]


def test_predict_prints_a_block_for_every_kind_of_message():
    result = invoke("predict", LOSSY, *GT)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("lossy_lbf: 3 agents, random connected graph")
    blocks = [lines.index(said) for said in (
        "TD errors: 3 rounds of self", "parameters and trackers: 1 round of self, once in 4 updates"
    )]  # fmt: skip
    assert blocks[0] == 1
    assert sum("longest message" in line for line in lines[blocks[0] : blocks[1]]) == 1
    assert sum("longest message" in line for line in lines[blocks[1] :]) == 1
    assert lines[-1].startswith("All together ")


@pytest.mark.parametrize(
    "changes", [["algorithm={kind: vdn}"], ["algorithm={kind: iql}", "network=null"], ["algorithm.consensus.rounds=0"]]
)
def test_predict_says_plainly_that_nothing_is_sent(changes):
    options = [word for change in changes for word in ("--set", change)]
    result = invoke("predict", LOSSY, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("'s agents send no messages: 0 bytes per update\n")
    found = json.loads(invoke("predict", LOSSY, *options, "--json").stdout)
    assert found.keys() >= SHARED
    assert (found["wires"], found["bytes_per_update"], found["delivered_fraction"]) == ([], 0.0, None)


RING = ["--set", "network.topology={kind: ring}", "--set", "env.players=4", "--set", "network.link.loss=0%"]


def test_warnings_go_to_stderr_and_into_what_is_written_and_are_no_failure(tmp_path):
    """Of a negative eigenvalue: in a ring of 4, and not if all hear each other."""
    options = {
        "predict": [],
        "check": [],
        "consensus": ["--trials", "3", "--quiet", "--out", str(tmp_path / "out")],
    }
    for command, more in options.items():
        result = invoke(command, LOSSY, *RING, *more)
        assert result.exit_code == 0
        (line,) = result.stderr.splitlines()
        assert line.startswith("Warning: ")
        assert "λ_min = -0.333" in line
        assert ("lossy_lbf.yaml: DVDN can diverge" in line) == (command == "check")
        assert "diverge" not in result.stdout
    found = json.loads(invoke("predict", LOSSY, *RING, "--json").stdout)
    assert found["lambda_min"] == pytest.approx(-1 / 3)
    assert ["diverge" in warning and "lazy" in warning for warning in found["warnings"]] == [True]
    written = json.loads((tmp_path / "out" / "consensus.json").read_text(encoding="utf-8"))
    assert written["warnings"][0] == found["warnings"][0]
    complete = ["--set", "network.topology={kind: complete}"]
    assert "lazy" not in invoke("predict", LOSSY, *RING, *complete, "--json").stdout


def test_consensus_exchanges_parameters_where_nothing_else_is_sent():
    networked = ["--set", "algorithm={kind: networked_q, averaging: {every: 5}}", "--trials", "20", "--quiet", "--json"]
    found = json.loads(invoke("consensus", LOSSY, *networked, "--set", "network.link.loss=0%").stdout)
    assert (found["kind"], found["carries"], found["rounds"]) == ("gt", "parameters", 1)
    assert found["bytes_per_update"] == found["predicted"]["bytes_per_update"]


def test_consensus_lays_measured_beside_predicted(tmp_path):
    out = tmp_path / "exchange"
    result = invoke("consensus", LOSSY, *THREE, "--trials", "40", "--out", str(out), "--json", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert found.keys() >= SHARED
    assert found["standard_error"].keys() >= SHARED
    assert found["predicted"].keys() >= SHARED
    assert (found["trials"], found["audit"]) == (40, "ok")
    assert next(iter(found["policies"])) == "self"
    assert json.loads((out / "consensus.json").read_text(encoding="utf-8")) == found
    drawn = ET.parse(out / "consensus.svg").getroot()  # noqa: S314 (our own)
    texts = ["".join(text.itertext()) for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"error about the true mean (rms)", "disagreement (rms)", "predicted", *found["policies"]} <= set(texts)
    lines = list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(lines) == 2 * len(found["policies"])
    assert all(len(line.get("points").split()) == 4 for line in lines)


def test_consensus_as_a_table(tmp_path):
    """The figure says that values were given."""
    out = tmp_path / "exchange"
    result = invoke("consensus", LOSSY, "--values", "3,0,0", "--trials", "3", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "predicted" in result.stdout
    assert "measured" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert "100%  3 of 3 trials" in result.stderr
    assert "from given values" in (out / "consensus.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("3,x,0", "is not a list of numbers"),
        ("3,0", "each of 3 agents"),
        ("1,nan,2", "finite numbers"),
        ("1e160,0,-1e160", "from -1e50 to 1e50"),
    ],
)
def test_values_that_do_not_fit_are_refused(values, said):
    result = invoke("consensus", LOSSY, "--values", values)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


def test_more_agents_than_the_environment_has():
    ring = ["--set", "network.topology={kind: ring}", "--agents", "150", "--json"]
    found = json.loads(invoke("predict", LOSSY, *ring).stdout)
    assert (found["n_agents"], found["bytes_per_update"]) == (150, 300 * 1332)
    found = json.loads(invoke("consensus", LOSSY, *ring, "--trials", "3", "--quiet").stdout)
    assert found["bytes_per_update"] == 300 * 1332


def test_the_environments_agents_need_not_fit_a_network_for_others():
    regular = ["--set", "network.topology={kind: k_regular, degree: 4}", "--agents", "300", "--json"]
    found = json.loads(invoke("consensus", LOSSY, *regular, "--trials", "1", "--quiet").stdout)
    assert (found["n_agents"], found["trials"], found["audit"]) == (300, 1, "ok")
    assert found["bytes_per_update"] == 1200 * 1332


def test_no_bit_depends_on_the_threads():
    said = [
        invoke("consensus", LOSSY, *THREE, "--trials", "250", "--quiet", "--json", "--threads", threads).stdout
        for threads in ("1", "2", "3")
    ]
    assert said[0].startswith("{")
    assert said[1:] == said[:1] * 2


@pytest.mark.parametrize("command", ["predict", "consensus"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--links", "9"], "3 agents has 2 to 3 links"),
        (["--set", "network.topology={kind: ring}", "--links", "9"], "leave out `--links`"),
        (["--set", "network.link.los=9"], "did you mean `loss`?"),
    ],
)
def test_bad_input_is_exit_2(command, arguments, said):
    result = invoke(command, LOSSY, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize("changes", ["algorithm={kind: vdn}", "algorithm.consensus.rounds=0"])
def test_there_is_nothing_to_measure_where_nothing_is_sent(changes):
    result = invoke("consensus", LOSSY, "--set", changes)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "sends no messages" in result.stderr


@pytest.mark.parametrize("consensus", ["rounds: 1", "rounds: 10, policy: running_sum", "wire: float16"])
@pytest.mark.parametrize("values", ["1e50,-1e50,1e50", "1e50,1e-300,0", "5e-324,0,0"])
def test_the_largest_and_the_smallest_values_are_exchanged(values, consensus):
    """Their fourth powers are in a standard error; JSON has no infinity."""
    result = invoke(
        "consensus", LOSSY, "--trials", "20", "--quiet", "--json", "--values", values,
        "--set", f"algorithm.consensus={{{consensus}}}",
    )  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert len(json.loads(result.stdout)["values"]) == 3


@pytest.mark.parametrize(
    "words",
    [("predict", LOSSY, "--links"), ("consensus", LOSSY, "--trials"), ("consensus", LOSSY, "--agents"),
     ("run", LOSSY, "--steps"), ("evaluate", "r", "--episodes"), ("show", "r", "--episode", "--number"),
     ("sweep", "s.yaml", "--jobs")],
)  # fmt: skip
def test_a_number_that_no_machine_can_take_is_refused_beforehand(words):
    result = invoke(*words, "9" * 24)
    assert result.exit_code == 2
    assert "less than or equal to 10" in " ".join(result.stderr.replace("│", " ").split())
