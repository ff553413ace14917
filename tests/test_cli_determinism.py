"""`dvdn-sim run --check-determinism`: what it says, and that it finds what it is there for."""

import json
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import polars as pl
import pytest
from command_line import invoke
from small_runs import SCENARIO

import dvdn_sim
from dvdn_sim.cli import determinism
from dvdn_sim.cli.determinism import UPDATES, enough_steps, first_difference
from dvdn_sim.records import METRICS, NETWORK, RecordWriter, digest, load_run
from dvdn_sim.scenario import parse_scenario

EXAMPLE = {column.name: {"int": 7, "float": 0.5, "text": "train"}[column.type] for column in METRICS.columns}
LOSSY = ("network.link.loss=40%", "seeds=[3, 4]")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where temporary folders go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


@pytest.fixture
def in_children(tmp_path, monkeypatch):
    """Let every process that is started execute something before anything else."""

    def execute(program):
        folder = tmp_path / "first"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(textwrap.dedent(program), encoding="utf-8")
        monkeypatch.syspath_prepend(str(folder))

    return execute


def check(scenario, *words):
    changes = [word for change in LOSSY for word in ("--set", change)]
    arguments = ["run", str(scenario), *changes, "--device", "cpu", "--check-determinism", *words]
    with patch.object(sys, "argv", ["dvdn-sim", *arguments]):
        return invoke(*arguments, columns=200)


# With real runs.


@pytest.mark.slow
def test_equal_runs_are_told_and_removed(scenario, scratch, tmp_path, monkeypatch):
    """With an include beside the scenario, and a recording in the current folder, as `run` takes both."""
    env = next(line for line in SCENARIO.splitlines() if line.startswith("env: "))
    (tmp_path / "env.yaml").write_text(env.removeprefix("env: "), encoding="utf-8")
    scenario.write_text(SCENARIO.replace(env, "env: {include: env.yaml}"), encoding="utf-8")
    here = tmp_path / "here"
    here.mkdir()
    (here / "losses.csv").write_text("0\n1\n0\n", encoding="utf-8")
    monkeypatch.chdir(here)
    result = check(scenario, "--set", "network.link.loss={kind: trace, file: losses.csv}", "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "2 runs of 60 steps, side by side\n"
    found = json.loads(result.stdout)
    assert (found["name"], found["equal"], found["seeds"], found["device"]) == ("small", True, [3, 4], "cpu")
    assert found["first_difference"] is found["run_dirs"] is None
    assert list(scratch.iterdir()) == []
    # They are the run that `run` makes.
    changes = [*LOSSY, "network.link.loss={kind: trace, file: losses.csv}"]
    run = dvdn_sim.run(dvdn_sim.load_scenario(scenario, changes), device="cpu", out=tmp_path / "run").as_json()
    assert found["digests"] == [run["digest"]] * 2
    records = load_run(tmp_path / "run")
    assert found["records"] == records.metrics.height + records.network.height
    assert found["updates"] == [records.metrics.filter(seed=seed)["updates"].max() for seed in (3, 4)]


@pytest.mark.slow
def test_draws_that_depend_on_the_hash_of_a_text_are_found(scenario, scratch, in_children):
    """A defect of a kind that has been made: the name of a stream goes through `hash`, which differs by process."""
    in_children(
        """
        import sys
        import netmodels.streams as streams

        named = streams.words_of

        def words_of(seed, written):
            return named(seed, [f"{name} {hash('loss')}" if "loss" in name else name for name in written])

        for module in list(sys.modules.values()):
            if getattr(module, "words_of", None) is named:
                module.words_of = words_of
        """
    )
    result = check(scenario, "--steps", "60")
    assert result.exit_code == 1, result.stderr
    head, first, kept = result.stdout.splitlines()
    assert re.fullmatch(r"small: 2 runs of 60 steps, .* cpu: the records differ, first", head)
    assert re.match(r"  network, seed [34], update [123], step \d+, td: \S+: \S+ in the first run, \S+ in the s", first)
    folders = [Path(word) for word in shlex.split(kept.removeprefix("  kept in ")) if word != "and"]
    runs = [load_run(folder) for folder in folders]
    assert [run.finished for run in runs] == [True, True]
    assert runs[0].manifest["digest"] != runs[1].manifest["digest"]
    assert result.stderr.splitlines()[-1].startswith("To reproduce: dvdn-sim run ")
    assert result.stderr.endswith("--device cpu --check-determinism --steps 60\n")


@pytest.mark.parametrize(
    ("episodes", "updates", "env"),
    [
        (3, "null", "{kind: mpe_spread, max_episode_steps: 4}"),
        (5, 2, "{kind: mpe_spread, max_episode_steps: 4}"),
        (1, 1, "{kind: lbf, field_size: [5, 5], players: 3, max_num_food: 1, max_food_level: 1, sight: 4}"),
    ],
)
def test_steps_are_enough_for_the_updates(tmp_path, episodes, updates, env):
    """Where every episode is of full length, and where episodes end early."""
    changes = [f"env={env}", "training.batch=4", "training.steps=10000"]
    changes += [f"training.episodes_per_iteration={episodes}", f"training.updates_per_iteration={updates}"]
    steps = enough_steps(parse_scenario(SCENARIO, changes))
    summary = dvdn_sim.run(
        parse_scenario(SCENARIO, [*changes, f"training.steps={steps}"]), device="cpu", out=tmp_path / "run"
    )
    assert summary.as_json()["updates"] >= UPDATES
    assert enough_steps(parse_scenario(SCENARIO, [*changes, "training.steps=7"])) == 7


# With records in place of runs.


@pytest.fixture
def recorded(monkeypatch):
    """Let the runs leave these figures of the learner, one per update."""

    def record(first, second):
        def leave(folder, device):
            for name, losses in (("first", first), ("second", second)):
                (folder / name).mkdir()
                writer = RecordWriter(folder / name)
                for updates, loss in enumerate(losses):
                    row = EXAMPLE | {"updates": updates, "episodes": updates}
                    writer.metrics(row | {"seed": 3, "loss": loss, "q_mean": loss})
                    writer.metrics(row | {"seed": 4})
                writer.flush()
                writer.flush({"seeds": [3, 4], "device": device, "digest": digest(folder / name)})
            return {"first": 0, "second": 0}

        monkeypatch.setattr(determinism, "_run_both", leave)

    return record


def test_the_first_difference_is_told(scenario, scratch, recorded):
    recorded([0.5, 0.25, 0.125], [0.5, 0.75, 2.0])
    result = check(scenario, "--quiet")
    (folder,) = scratch.iterdir()
    assert result.stdout.splitlines() == [
        "small: 2 runs of 60 steps, seeds 3, 4, 2 updates on cpu: the records differ, first",
        "  metrics, seed 3, update 1, step 7, train: loss: 0.25 in the first run, 0.75 in the second",
        f"  kept in {folder / 'first'} and {folder / 'second'}",
    ]
    assert result.exit_code == 1
    found = json.loads(check(scenario, "--quiet", "--json").stdout)
    assert (found["equal"], found["records"], found["updates"], found["steps"]) == (False, 6, [2, 2], 60)
    assert found["first_difference"] == {
        "table": "metrics", "seed": 3, "updates": 1, "env_steps": 7, "what": "train", "column": "loss",
        "one": "0.25", "other": "0.75",
    }  # fmt: skip
    assert [digest(folder) for folder in found["run_dirs"]] == found["digests"]


@pytest.mark.parametrize(
    ("losses", "said"), [([0.5, 0.5], ""), ([0.5], "; nothing was learnt yet, so this says little")]
)
def test_that_all_is_equal_is_told(scenario, scratch, recorded, losses, said):
    recorded(losses, losses)
    result = check(scenario, "--quiet")
    assert re.match(rf"small: .* all {2 * len(losses)} records equal, digest [0-9a-f]{{16}}{said}", result.stdout)
    assert (result.exit_code, result.stderr, list(scratch.iterdir())) == (0, "", [])


def run_of(**tables):
    """A run with these rows, each an example but for what is given."""
    examples = {"int": 7, "float": 0.5, "text": "td", "floats": [0.25, 0.5]}
    frames = {}
    for table in (METRICS, NETWORK):
        example = {column.name: examples[column.type] for column in table.columns}
        rows = [example | row for row in tables.get(table.name, [{}])]
        frames[table.name] = pl.DataFrame(rows, schema=list(example))
    return SimpleNamespace(**frames)


def difference(one, other, table="network"):
    found = first_difference(run_of(**{table: one}), run_of(**{table: other}))
    return found and (found["column"], found["one"], found["other"])


@pytest.mark.parametrize("table", [METRICS, NETWORK], ids=lambda table: table.name)
def test_a_changed_value_is_named_in_whatever_column(table):
    for column in table.columns:
        value = {"int": 8, "float": 0.75, "text": "other", "floats": [0.25, 0.75]}[column.type]
        found = first_difference(run_of(), run_of(**{table.name: [{column.name: value}]}))
        if column.wall_clock:
            assert found is None
        elif column.name in {"seed", "phase", "kind", "update", "episodes"}:  # what makes it another record
            assert {found["one"], found["other"]} == {"there", "no such record"}
        else:
            assert (found["table"], found["column"].partition("[")[0]) == (table.name, column.name)
            assert found["one"] != found["other"]


def test_values_are_written_to_the_last_digit():
    """Of several exchanges of one kind, as of parameters in two parts at one update, the one that differs is named."""
    assert difference([{"bytes": 100}, {"bytes": 200}], [{"bytes": 101}, {"bytes": 200}]) == ("bytes", "100", "101")
    assert difference([{"a_eff": 0.1 + 0.2}], [{"a_eff": 0.3}]) == ("a_eff", "0.30000000000000004", "0.3")
    assert difference([{"faults": "flap"}], [{"faults": ""}]) == ("faults", "'flap'", "''")
    assert difference([{"a_eff": math.nan}], [{"a_eff": 1.0}]) == ("a_eff", "nan", "1.0")
    assert difference([{"a_eff": 1.0}], [{"a_eff": None}]) == ("a_eff", "1.0", "None")
    for one, other in ((math.nan, -math.nan), (None, None)):
        assert difference([{"a_eff": one}], [{"a_eff": other}]) is None


def test_of_lists_the_first_entry_that_differs_is_named():
    pair = [{"round_time_s": [0.0, 0.25, 1.0]}], [{"round_time_s": [0.0, 0.5, 2.0]}]
    assert difference(*pair) == ("round_time_s[1]", "0.25", "0.5")
    pair = [{"round_time_s": [0.0]}], [{"round_time_s": [0.0, 0.0]}]
    assert difference(*pair) == ("round_time_s[1]", "no value", "0.0")


def test_the_earliest_difference_is_named():
    """By updates, then steps; an exchange before the learner's figures of its update; in whatever order of rows."""

    def run(*, loss=0.5, early=(), exchange=()):
        late = [{"episodes": each, "updates": each, "env_steps": 10 * each, "seed": 1, "loss": loss} for each in (9, 8)]
        row = {"episodes": 5, "updates": 4, "env_steps": 50, "seed": 2, "phase": "train"} | dict(early)
        return run_of(metrics=[*late, row], network=[{"update": 4, "env_steps": 50, "seed": 2} | dict(exchange)])

    found = first_difference(run(), run(loss=2.0))
    assert (found["seed"], found["updates"], found["env_steps"]) == (1, 8, 80)
    found = first_difference(run(), run(loss=2.0, early={"q_mean": 2.0, "epsilon": 1.0}))
    assert (found["seed"], found["updates"], found["what"], found["column"]) == (2, 4, "train", "q_mean")
    found = first_difference(run(), run(early={"q_mean": 2.0}, exchange={"held": 3}))
    assert (found["table"], found["column"], found["one"], found["other"]) == ("network", "held", "7", "3")
    assert first_difference(run(early={"env_steps": 49}), run())["env_steps"] == 49


@pytest.mark.parametrize("lacks", ["one", "other"])
def test_a_record_that_one_run_lacks(lacks):
    whole, short = run_of(metrics=[{}, {"phase": "evaluation"}]), run_of()
    found = first_difference(*((short, whole) if lacks == "one" else (whole, short)))
    assert (found["table"], found["what"], found["column"]) == ("metrics", "evaluation", "")
    assert found[lacks] == "no such record"


# With processes that end before they do anything.


def test_a_run_that_is_killed(scenario, scratch, in_children):
    in_children(
        """
        import os, signal, time
        if os.environ["PYTHONHASHSEED"] == "2":
            time.sleep(600)
        print("the last words", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    result = check(scenario)
    assert (result.exit_code, result.stdout) == (1, "")
    _, words, error, again = result.stderr.splitlines()
    (folder,) = scratch.iterdir()
    assert words == "the last words"
    assert error == f"Error: the first run was ended by signal 9 (Killed); both are kept in {folder}"
    assert again == (f"To reproduce: PYTHONHASHSEED=1 dvdn-sim run {folder / 'scenario.yaml'} --device cpu")


def test_a_run_that_fails_ends_the_other(scenario, scratch, in_children):
    """Its last words, without the command that it names itself, which runs in a folder that is taken."""
    in_children(
        """
        import os, time
        if os.environ["PYTHONHASHSEED"] == "1":
            time.sleep(600)
        print(*range(100), "To reproduce: this", sep="\\n", flush=True)
        os._exit(1)
        """
    )
    began = time.monotonic()
    result = check(scenario, "--quiet")
    assert time.monotonic() - began < 60
    assert result.exit_code == 1
    *words, error, again = result.stderr.splitlines()
    assert words == [str(number) for number in range(80, 100)]
    assert error.startswith("Error: the second run ended with exit code 1; both are kept in")
    assert again.startswith("To reproduce: PYTHONHASHSEED=2 dvdn-sim run ")


def test_what_the_runs_refuse_is_bad_input(scenario, scratch, in_children):
    in_children("import os; print('Error: there is no such device', flush=True); os._exit(2)")
    result = check(scenario, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "Error: there is no such device\n")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_leaves_no_process_and_no_file(scenario, tmp_path, in_children, number):
    pids = tmp_path / "pids"
    pids.mkdir()
    in_children(
        f"""
        import os, pathlib, time
        if "PYTHONHASHSEED" in os.environ:
            pathlib.Path({str(pids)!r}, str(os.getpid())).touch()
            time.sleep(600)
        """
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "dvdn_sim.cli", "run", str(scenario), "--check-determinism"],
        env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background may have made it deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (no threads here)
    )
    with process:
        deadline = time.monotonic() + 60
        while len(list(pids.iterdir())) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, said, errors.splitlines()[-1]) == (3, "", "Interrupted.")
    assert list(scratch.iterdir()) == []
    for pid in pids.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.name), 0)


# What is refused.


@pytest.mark.parametrize(
    "words", ["--out x", "--trace", "--resume", "--checkpoint-every 1", "--set network.link.los=1%"]
)
def test_options_about_a_folder_are_refused_and_mistakes_of_the_scenario_listed(scenario, scratch, words):
    result = check(scenario, *words.split())
    assert (result.exit_code, result.stdout) == (2, "")
    said = "did you mean `loss`?" if "--set" in words else f"cannot be combined with {words.split()[0]}"
    assert said in result.stderr
    assert list(scratch.iterdir()) == []
