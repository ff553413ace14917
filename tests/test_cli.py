"""The command line: exit codes, what goes to stdout and what to stderr, and that torch stays out of the way."""

import json
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest
from command_line import invoke
from report_folders import write_run

from dvdn_sim.cli import Display
from dvdn_sim.errors import AuditError, DeviceError, InterruptedRun, RunFolderError

ROOT = Path(__file__).parents[1]
LOSSY = str(ROOT / "scenarios" / "lossy_lbf.yaml")


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad name\nseeds: [0, 0]\nenv: {kind: lfb}\n", encoding="utf-8")
    return str(path)


class Summary:
    def as_json(self):
        return {"name": "lossy_lbf", "return": {"mean": 0.5}}

    def text(self):
        return "0.50 at the end"


class Trainer:
    """Stands for `dvdn_sim.training`: notes what it was given, and does as it is told."""

    def __init__(self, error=None):
        self.calls = []
        self.error = error

    def run(self, scenario, *, device, out, resume, checkpoint_every_s, progress, warn, trace):
        self.resumed = resume
        self.calls.append((scenario, device, out))
        self.traced = trace
        progress(50, 100, {"return": "0.50", "held in time": "89%"})
        if self.error is not None:
            raise self.error
        return Summary()


@pytest.fixture
def trainer(monkeypatch):
    return install(monkeypatch, Trainer())


def install(monkeypatch, trainer):
    module = types.ModuleType("dvdn_sim.training")
    module.run = trainer.run
    monkeypatch.setitem(sys.modules, "dvdn_sim.training", module)
    return trainer


def test_run_trains_and_prints_the_summary(trainer):
    result = invoke("run", LOSSY)
    assert (result.exit_code, result.stdout) == (0, "0.50 at the end\n")
    assert result.stderr == "50%  50 of 100 steps  return 0.50  held in time 89%\n"
    ((scenario, device, out),) = trainer.calls
    assert (scenario.name, device, out) == ("lossy_lbf", "auto", None)


def test_json_is_one_object_on_stdout_and_nothing_else(trainer):
    result = invoke("run", LOSSY, "--json")
    assert json.loads(result.stdout) == {"name": "lossy_lbf", "return": {"mean": 0.5}, "warnings": []}
    assert result.stdout.count("\n") == 1


def test_a_warning_is_no_failure(trainer):
    """On stderr before anything is trained, progress or not; and in what programs read."""
    ring = ["--set", "network.topology={kind: ring}", "--set", "env.players=4"]
    result = invoke("run", LOSSY, *ring, "--quiet", "--json")
    assert result.exit_code == 0
    (warning,) = json.loads(result.stdout)["warnings"]
    assert "λ_min = -0.190" in warning
    assert result.stderr == f"Warning: {warning}\n"


def test_options_reach_the_training(trainer, tmp_path):
    out = tmp_path / "new"
    arguments = ["--set", "network.link.loss=20%", "--seeds", "0-2,7", "--steps", "1000", "--trace", "--quiet"]
    result = invoke("run", LOSSY, *arguments, "--device", "cpu", "--out", str(out))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "0.50 at the end\n", "")
    assert trainer.traced
    ((scenario, device, given),) = trainer.calls
    assert (scenario.seeds, scenario.training.steps) == ((0, 1, 2, 7), 1000)
    assert scenario.network.link.loss.loss_rate == 0.2
    assert (device, given) == ("cpu", out)


@pytest.mark.parametrize("seeds", ["x", "3-1", "", "1,,2", "-1", "0-5000", "1-2-3", "9" * 30, "0-2,1"])
def test_what_is_no_list_of_seeds_or_has_one_twice_is_refused(trainer, seeds):
    result = invoke("run", LOSSY, f"--seeds={seeds}")
    assert result.exit_code == 2
    assert "seeds" in result.stderr
    assert trainer.calls == []


def test_mistakes_are_listed_on_stderr_and_nothing_runs(trainer, bad, tmp_path):
    out = tmp_path / "out"
    result = invoke("run", bad, "--set", "nonsense", "--out", str(out), "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "bad.yaml: " in result.stderr
    for line in ("line 1  name", "line 2  seeds", "line 3  env.kind", "did you mean `lbf`?", "--set nonsense"):
        assert line in result.stderr
    assert trainer.calls == []
    assert not out.exists()


def test_mistakes_fit_a_narrow_terminal(trainer, bad):
    result = invoke("run", bad, "--set", "algorithm={kind: dvdn, policy: self, hidden: many, clip: off}")
    heading, *lines = result.stderr.splitlines()
    assert heading.startswith(bad)  # never broken, so that terminals can open it
    assert all(len(line) <= 80 and not line.endswith(" ") for line in lines)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InterruptedRun("records kept in runs/x"), 3, "Interrupted. records kept in runs/x\n"),
        (KeyboardInterrupt(), 3, "Interrupted.\n"),
        (RunFolderError("/x cannot be made: Not a directory"), 2, "Error: /x cannot be made: Not a directory\n"),
        (DeviceError("no CUDA"), 2, "Error: no CUDA\n"),
    ],
)
def test_an_interruption_is_exit_3_and_a_folder_or_device_that_cannot_be_had_bad_input(monkeypatch, error, code, said):
    install(monkeypatch, Trainer(error))
    result = invoke("run", LOSSY, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", said)


def test_a_failure_prints_the_command_that_reproduces_it(monkeypatch):
    install(monkeypatch, Trainer(AuditError("the disk is full")))
    words = ["run", LOSSY, "--set", "network.link.loss=20%", "--seeds", "0,1", "--out", "some where", "--quiet"]
    monkeypatch.setattr(sys, "argv", ["dvdn-sim", *words])
    result = invoke(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    again = f"dvdn-sim {shlex.join(words)}"
    assert "'some where'" in again
    assert result.stderr == f"Error: the disk is full\nTo reproduce: {again}\n"


def test_a_defect_prints_its_traceback_too(monkeypatch):
    install(monkeypatch, Trainer(ZeroDivisionError("oh")))
    monkeypatch.setattr(sys, "argv", ["dvdn-sim", "run", LOSSY])
    result = invoke("run", LOSSY)
    assert result.exit_code == 1
    assert "ZeroDivisionError: oh\nError: this is a defect" in result.stderr
    assert f"To reproduce: dvdn-sim run {LOSSY}\n" in result.stderr


def test_check_says_what_would_run(monkeypatch):
    result = invoke("check", LOSSY, LOSSY, "--set", "algorithm.consensus.rounds=3")
    assert result.exit_code == 0
    assert result.stdout.count(f"{LOSSY}: ok: dvdn, 3 players, lbf") == 2


def test_check_refuses_a_replay_buffer_that_cannot_fit(monkeypatch):
    monkeypatch.setattr("dvdn_sim.scenario.rules.memory_limit", lambda: 2 * 10**9)
    monkeypatch.setattr("dvdn_sim.scenario.has_gpu", lambda: False)
    large = ("--set", "training.buffer=500_000")
    result = invoke("check", LOSSY, *large)
    assert result.exit_code == 2
    assert result.stdout == ""
    said = " ".join(result.stderr.split())
    assert said.startswith(f"{LOSSY}: 1 mistake training.buffer the replay buffer takes 2.2 GB, and this machine has 2")
    # Where there is a GPU, it would be there.
    monkeypatch.setattr("dvdn_sim.scenario.has_gpu", lambda: True)
    assert invoke("check", LOSSY, *large).exit_code == 0


def test_check_lists_the_mistakes_of_all(bad, tmp_path):
    result = invoke("check", bad, LOSSY, str(tmp_path / "no.yaml"))
    assert result.exit_code == 2
    assert f"{LOSSY}: ok" in result.stdout
    assert "bad.yaml: " in result.stderr
    assert "no.yaml: 1 mistake" in result.stderr


def test_schema_is_json():
    assert json.loads(invoke("schema").stdout)["title"] == "dvdn-sim scenario"


def test_version_names_what_a_bug_report_needs():
    assert re.match(r"dvdn-sim \S.*, torch \d.*, numpy \d.*, simpy \d.*, Python 3\.", invoke("version").stdout)


@pytest.mark.parametrize(
    "command",
    ["", "run", "evaluate", "sweep", "report", "show", "predict", "consensus", "check", "list", "schema", "version"],
)
def test_every_help_has_an_example(command):
    result = invoke(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"Example: dvdn-sim {command or 'run'}" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


LOADED = """\
import json, sys
from typer.testing import CliRunner
from dvdn_sim.cli import app
for words in json.loads(sys.argv[1]):
    code = CliRunner().invoke(app, words).exit_code
    heavy = {"torch", "numba", "simpy", "plotly", "ray"} | ({"polars", "numpy"} if words[-1] == "--help" else set())
    print(json.dumps([words, code, sorted(heavy & set(sys.modules))]))
"""


def test_heavy_libraries_are_not_imported(bad, tmp_path):
    """One process does it all, one command after the other; help first, which loads next to nothing."""
    done = {
        "--help": 0, "run --help": 0, "sweep --help": 0, f"check {LOSSY}": 0, "list algorithms": 0, "schema": 0,
        "version": 0, "run no.yaml": 2, f"sweep {bad}": 2, f"sweep {bad} --seeds=3-1": 2, f"show {tmp_path / 'run'}": 0,
        f"predict {LOSSY}": 0, f"consensus {LOSSY} --trials 3": 0,
        f"report {tmp_path / 'finished'} --out={tmp_path / 'page.html'} --quiet": 0,
    }  # fmt: skip
    write_run(tmp_path / "run", {0: [0.0, 1.0]}, state="interrupted", name="x", algorithm="dvdn", env="lbf")
    write_run(tmp_path / "finished", {0: [0.0, 1.0]}, name="x", algorithm="dvdn", env="lbf")
    loaded = {"predict": ["numba", "simpy"], "consensus": ["numba", "simpy"], "report": ["numba", "plotly", "simpy"]}
    command = [sys.executable, "-c", LOADED, json.dumps([words.split() for words in done])]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [
        [words.split(), code, loaded.get(words.split()[0], [])] for words, code in done.items()
    ]


def test_progress_in_a_terminal_is_a_bar(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with Display(quiet=False) as display:
        display.show(
            150_000, 300_000, {"return": "0.41", "held in time": "89%", "simulated": "15000 s", "steps/s": "1210"}
        )
    shown = capsys.readouterr().err
    assert "150 000 of 300 000 steps" in shown
    assert "held in time 89%" in shown
    assert "50%" in shown
