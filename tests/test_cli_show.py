"""`dvdn-sim show`, of folders in every state that a run can leave."""

import json
import math
import re
import shlex
import shutil
import sys

import polars as pl
import pytest
from command_line import invoke
from edited_folders import edit, reseal
from small_runs import SCENARIO

import dvdn_sim
from dvdn_sim.records import load_run, locked
from dvdn_sim.scenario import parse_scenario

LOSSY = ("network.link.loss=40%", "seeds=[3, 4]", "evaluation={every: 20, episodes: 2}", "name=shown")
ALONE = (*LOSSY[1:], "network=null", "algorithm={kind: vdn, hidden: 4}")


class Killed(BaseException):
    """Stands for whatever ends a process without its being asked."""


def train(out, *changes, iterations=None, **options):
    """Run to the end, or be killed after so many iterations; the summary."""
    left = iterations

    def count(*_: object):
        nonlocal left
        left = None if left is None else left - 1
        if left == 0:
            raise Killed

    scenario = parse_scenario(SCENARIO, changes or LOSSY)
    return dvdn_sim.run(scenario, device="cpu", out=out, progress=count, **options).as_json()


def interrupted(out, *changes, state="interrupted", **options):
    """A run that ended after some iterations, in this state."""
    with pytest.raises(Killed):
        train(out, *changes, iterations=6, **options)
    rewrite(out, state=state)
    return out


def rewrite(run_dir, **values):
    """Change the manifest; a value of None removes the key."""
    edit(run_dir / "manifest.json", **values)


@pytest.fixture(scope="module", autouse=True)
def one_part():
    """Records of a run are in one part, however long it takes to compile before it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["dvdn_sim.training.run"], "FLUSH_EVERY_S", math.inf)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that came to its end, not to be changed, and its summary."""
    out = tmp_path_factory.mktemp("finished") / "run"
    return out, train(out)


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    return interrupted(tmp_path_factory.mktemp("stopped") / "run", trace=True)


@pytest.fixture
def copy(finished, tmp_path):
    """A run that came to its end, to be changed."""
    return shutil.copytree(finished[0], tmp_path / "copy")


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """A run with a trace that was interrupted, to be changed."""
    return shutil.copytree(stopped_once, tmp_path / "run")


def show(run_dir, *words):
    result = invoke("show", run_dir, *words)
    assert "Traceback" not in result.stderr
    return result


def said(result, name):
    """What stands in a line of the answer; None if there is no such line."""
    found = [line[13:] for line in result.stdout.splitlines() if line[2:].startswith(f"{name} ")]
    return found[0] if found else None


def test_a_finished_run(finished):
    out, summary = finished
    result = show(out)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == "shown: dvdn on lbf, seeds 3, 4; finished"
    assert re.match(
        rf"{summary['env_steps']} of 60 each, {summary['updates']} updates, \d+ s on cpu", said(result, "steps")
    )
    returns = ", ".join(f"{each:.2f}" for each in summary["return"]["per_seed"])
    assert said(result, "return") == f"{returns} at the latest evaluation, {summary['random_return']:.2f} random"
    assert said(result, "messages").startswith(f"{summary['network']['sent']} sent in ")
    assert f"{summary['network']['delivered_fraction']:.1%} held in time" in said(result, "messages")
    assert "torch 2" in said(result, "versions")
    assert re.match(
        r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00(, commit [0-9a-f]{7,}(-dirty)?)?: \S", said(result, "started")
    )
    assert re.fullmatch(
        r"metrics \S+ kB \(1 part\), network \S+ kB \(1 part\), policies \S+ kB \(2 teams\)", said(result, "disk")
    )
    assert said(result, "audit") == "ok"
    assert said(result, "digest") == f"{summary['digest'][:16]} verified"
    assert all(
        len(line) <= 120 for line in result.stdout.splitlines() if not line.startswith(("  versions", "  started"))
    )


@pytest.mark.parametrize(("commit", "told"), [(None, ""), ("0123456789ab-dirty", ", commit 0123456789ab-dirty")])
def test_the_commit_of_a_start_is_told_if_it_was_a_checkout_of_git(copy, commit, told):
    rewrite(copy, starts=[{"at": "2026-11-30T12:00:00+00:00", "command": "dvdn-sim run x.yaml", "commit": commit}])
    assert said(show(copy), "started") == f"2026-11-30T12:00:00+00:00{told}: dvdn-sim run x.yaml"


def test_what_programs_read_has_the_names_and_values_of_the_summary(finished):
    out, summary = finished
    found = json.loads(show(out, "--json").stdout)
    for name in [
        "name",
        "run_dir",
        "algorithm",
        "env",
        "seeds",
        "device",
        "wall_s",
        "random_return",
        "audit",
        "digest",
    ]:
        assert found[name] == summary[name]
    assert found["return"] == summary["return"]["per_seed"]
    assert {name: found["network"][name] for name in ("sent", "held", "bytes")} == {
        name: summary["network"][name] for name in ("sent", "held", "bytes")
    }
    assert (found["state"], found["resume"], found["verified"]) == ("finished", None, True)
    run = load_run(out)
    assert found["env_steps"] == [run.metrics.filter(seed=seed)["env_steps"].max() for seed in (3, 4)]
    assert found["evaluations"] == [run.metrics.filter(seed=seed, phase="evaluation").height for seed in (3, 4)]
    for name, files in found["disk"].items():
        on_disk = list((out / name).iterdir()) if (out / name).exists() else []
        assert files == {"count": len(on_disk), "bytes": sum(path.stat().st_size for path in on_disk)}


@pytest.mark.parametrize("table", ["metrics", "network"])
def test_records_that_were_changed_are_found(copy, table):
    """One value, by its last bit; exit 1."""
    part = copy / table / "part-000001.parquet"
    rows = pl.read_parquet(part)
    column = {"metrics": "epsilon", "network": "duration_s"}[table]
    changed = rows[column].to_list()
    changed[5] = changed[5] * (1 + 2**-52)
    assert changed[5] != rows[column][5]
    rows.with_columns(pl.Series(column, changed)).write_parquet(part)
    result = show(copy)
    assert result.exit_code == 2
    assert f"{part} is damaged: it is not what was written" in result.stderr
    reseal(copy)
    result = show(copy)
    assert result.exit_code == 1
    assert "does not match the records: theirs is " in said(result, "digest")
    assert json.loads(show(copy, "--json").stdout)["verified"] is False


def test_a_part_that_is_missing_is_found_and_a_manifest_without_a_digest_verifies_nothing(copy):
    part = copy / "network" / "part-000001.parquet"
    content = part.read_bytes()
    part.unlink()
    result = show(copy)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{part} is missing" in result.stderr
    part.write_bytes(content)
    rewrite(copy, digest=None)
    result = show(copy)
    assert result.exit_code == 1
    assert said(result, "digest").startswith("the manifest has none")


def test_signs_and_a_failed_audit_are_shown(copy):
    sign = {"name": "alone", "seed": 4, "env_steps": 9, "message": "a_eff is 1.00", "cause": "loss"}
    rewrite(copy, signs=[sign], audit="sent 3, held 2")
    result = show(copy)
    assert said(result, "sign") == "seed 4: a_eff is 1.00; likely: loss"
    assert said(result, "audit") == "sent 3, held 2"


@pytest.mark.parametrize("state", ["interrupted", "failed: seed 3, update 6: the loss is nan"])
def test_an_unfinished_run_and_how_to_go_on(tmp_path, state):
    """The command that is printed goes on with it, in a folder whose name needs quotes."""
    out = interrupted(tmp_path / "a run", *ALONE, state=state, checkpoint_every_s=0.0)
    result = show(out)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"shown: vdn on lbf, seeds 3, 4; {state}"
    steps = int(said(result, "steps").partition(" ")[0])
    assert 0 < steps < 60
    assert re.search(r", checkpoint \S+ kB \(2 checkpoints\)$", said(result, "disk"))
    digest = said(result, "digest")
    assert digest.startswith("not finished: resume with dvdn-sim run '")
    words = shlex.split(digest.removeprefix("not finished: resume with dvdn-sim "))
    assert invoke(*words, "--quiet").exit_code == 0
    assert said(show(out), "digest").endswith("verified")


def test_an_unfinished_run_with_a_trace_goes_on_with_one(stopped):
    """From Python, if its environment was given there."""
    found = json.loads(show(stopped, "--json").stdout)
    assert found["resume"] == f"dvdn-sim run {stopped}/scenario.yaml --out {stopped} --trace --resume"
    assert found["disk"]["trace"]["count"] == 1
    assert found["digest"] is found["verified"] is None
    rewrite(stopped, env="meeting")
    result = show(stopped)
    assert result.stdout.startswith("shown: dvdn on meeting, ")
    assert "resume it from Python" in said(result, "digest")


def test_running_and_killed_are_told_apart(stopped):
    """By the lock, which the system takes from a process that is gone; looking leaves no trace."""
    out = stopped
    rewrite(out, state="running")
    with locked(out):
        result = show(out)
        assert result.stdout.splitlines()[0].endswith("; running")
        assert said(result, "digest") == "none yet: not finished"
    for _ in range(2):
        result = show(out)
        assert result.stdout.splitlines()[0].endswith("; killed")
        assert "resume with" in said(result, "digest")
    (out / ".lock").unlink()
    assert show(out).stdout.splitlines()[0].endswith("; killed")
    assert not (out / ".lock").exists()


def test_killed_as_it_began(stopped):
    """There is a scenario and nothing else; or records, and neither scenario nor manifest."""
    out = stopped
    (out / "manifest.json").unlink()
    for table in ("metrics", "network", "trace"):
        shutil.rmtree(out / table)
    result = show(out)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "shown: dvdn on lbf, seeds 3, 4; killed",
        "  steps      0 of 60 each, 0 updates",
    ]
    assert said(result, "disk") == "no records yet"
    assert (said(result, "return"), said(result, "messages"), said(result, "versions")) == (None, None, None)
    (out / "scenario.yaml").unlink()
    (out / "metrics").mkdir()
    assert show(out).stdout.splitlines()[0] == f"{out}: killed"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("manifest.json", b"{"),
        ("manifest.json", b"[]"),
        ("manifest.json", b"\xff"),
        ("manifest.json", b'{"seeds": ["x"]}'),
        ("manifest.json", b'{"versions": 3}'),
        ("manifest.json", b'{"signs": [3]}'),
        ("manifest.json", b'{"signs": [{}]}'),
        ("scenario.yaml", b"\xff"),
        ("scenario.yaml", b"a: ["),
        ("scenario.yaml", b"5 ms"),
        ("scenario.yaml", b"training: {steps: many}"),
        ("scenario.yaml", b"env: lbf"),
        ("metrics/part-000001.parquet", b"PAR1"),
        ("network/part-000001.parquet", b""),
    ],
)
def test_a_damaged_folder_is_bad_input(copy, file, content):
    (copy / file).write_bytes(content)
    result = show(copy)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ")
    assert file in result.stderr or "manifest.json or scenario.yaml is not as a run leaves it" in result.stderr


@pytest.mark.parametrize("kind", ["nothing", "file", "folder"])
def test_what_is_no_run_is_bad_input(tmp_path, kind):
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("x")
    result = show(place)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {place} holds no run" in result.stderr
