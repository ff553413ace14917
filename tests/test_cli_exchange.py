"""`dvdn-sim predict` and `dvdn-sim consensus`: what they print, write and refuse, and that torch stays out."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dvdn_sim.cli import app

ROOT = Path(__file__).parents[1]
LOSSY = str(ROOT / "scenarios" / "lossy_lbf.yaml")
SHARED = {
    "delivered_fraction", "round_time_s", "bytes_per_update", "a_eff", "mse_after_rounds", "mean_drift_var",
}  # fmt: skip
THREE = ["--set", "algorithm.consensus.rounds=3"]


def invoke(*arguments):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"})


def test_predict_as_json():
    result = invoke("predict", LOSSY, *THREE, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert found.keys() >= SHARED
    assert len(found["mse_after_rounds"]) == 3
    assert found["how"].keys() == found["standard_error"].keys() >= SHARED
    assert set(found["how"].values()) <= {"closed", "enumerated", "sampled"}
    assert found["bytes_per_update"] == 3 * 4 * (24 + 4 * 32 * 10 + 28)
    assert found["whole_probability"] == pytest.approx(0.25 / 0.28)


def test_predict_as_a_table():
    result = invoke("predict", LOSSY, *THREE)
    assert result.exit_code == 0, result.output
    heading, _, *lines = result.stdout.splitlines()
    assert heading.startswith("lossy_lbf: 3 agents, random connected graph of 2 links")
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    figures = [line for line in lines if not line.startswith(("rounds of", "  Over", "  Mind", "  in vain", "  what"))]
    said = [
        line for line in figures if "predicted" not in line and line.split()[-1] in {"closed", "sampled", "enumerated"}
    ]
    assert len(said) >= 18
    assert "a_eff" in result.stdout
    assert "come after their round was closed" in " ".join(result.stdout.split())


def test_predict_warns_of_a_negative_eigenvalue_and_names_the_remedy():
    ring = ["--set", "network.topology={kind: ring}", "--set", "env.players=4"]
    found = json.loads(invoke("predict", LOSSY, *ring, "--json").stdout)
    assert found["lambda_min"] == pytest.approx(-1 / 3)
    assert any("lazy" in warning for warning in found["warnings"])
    found = json.loads(invoke("predict", LOSSY, *ring, "--set", "network.topology={kind: complete}", "--json").stdout)
    assert not any("lazy" in warning for warning in found["warnings"])


def test_nothing_infinite_in_json():
    result = invoke("predict", LOSSY, "--set", "network.link.loss=100%", "--json")
    found = json.loads(result.stdout)
    assert found["completion_p50_s"] is None
    assert (found["delivered_fraction"], found["a_eff"]) == (0.0, pytest.approx(1.0))
    assert any("learns alone" in warning for warning in found["warnings"])


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


def test_consensus_as_a_table():
    result = invoke("consensus", LOSSY, *THREE, "--trials", "20")
    assert result.exit_code == 0, result.output
    assert "predicted" in result.stdout
    assert "measured" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert "100%  20 of 20 trials" in result.stderr


def test_the_same_command_prints_the_same():
    arguments = ["consensus", LOSSY, *THREE, "--trials", "10", "--json", "--quiet"]
    assert invoke(*arguments).stdout == invoke(*arguments).stdout


def test_given_values(tmp_path):
    """A path of three without loss: 3, 0, 0 becomes 2, 1, 0."""
    calm = ["--set", "network.topology={kind: path}", "--set", "network.link.loss=0%", "--values", "3,0,0"]
    out = tmp_path / "exchange"
    found = json.loads(invoke("consensus", LOSSY, *calm, "--json", "--quiet", "--out", str(out)).stdout)
    assert found["values"] == [3.0, 0.0, 0.0]
    assert found["mse_after_rounds"] == pytest.approx([2 / 3])
    assert found["predicted"]["mse_after_rounds"] == pytest.approx([2 / 3])
    assert "from given values" in (out / "consensus.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("values", "said"),
    [("3,x,0", "is no list of numbers"), ("3,0", "each of 3 agents"), ("1,nan,2", "a finite number")],
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


@pytest.mark.parametrize("command", ["predict", "consensus"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "algorithm={kind: vdn}"], "sends no messages"),
        (["--set", "algorithm.consensus.rounds=0"], "nothing is sent"),
        (["--links", "9"], "3 agents has 2 to 3 links"),
        (["--set", "network.topology={kind: ring}", "--links", "9"], "leave out `--links`"),
        (["--set", "network.link.los=9"], "did you mean `loss`?"),
    ],
)
def test_bad_input_is_exit_2(command, arguments, said):
    result = invoke(command, LOSSY, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


def test_a_folder_that_is_in_use_is_refused(tmp_path):
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    result = invoke("consensus", LOSSY, "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "--out" in result.stderr


def test_a_defect_prints_the_command_that_shows_it_again(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("dvdn_sim.network.prediction.predict", broken)
    result = invoke("predict", LOSSY, *THREE, "--agents", "3")
    assert result.exit_code == 1
    assert "ZeroDivisionError: oh" in result.stderr
    assert f"To reproduce: dvdn-sim predict {LOSSY} --set algorithm.consensus.rounds=3 --agents 3\n" in result.stderr


@pytest.mark.parametrize("command", ["predict", "consensus"])
def test_help_has_an_example(command):
    result = invoke(command, "--help")
    assert f"Example: dvdn-sim {command}" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    "arguments", [["predict"], ["consensus", "--trials", "3", "--quiet"]], ids=lambda words: words[0]
)
def test_torch_is_not_imported(arguments):
    program = (
        "import sys\nfrom dvdn_sim.cli import main\nsys.argv = ['dvdn-sim', *sys.argv[1:]]\n"
        "try:\n    main()\nfinally:\n    print(sorted({'torch', 'plotly'} & set(sys.modules)), file=sys.stderr)\n"
    )
    command, *options = arguments
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", program, command, LOSSY, *options],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "[]"
    assert done.returncode == 0
