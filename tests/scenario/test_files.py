"""Files that a scenario needs: found from the file that says them, and kept beside what a run writes."""

import json

import pytest
from small_runs import SCENARIO

import dvdn_sim
from dvdn_sim.errors import RunFolderError, ScenarioError
from dvdn_sim.scenario import load_scenario, read_document, resolved_yaml
from dvdn_sim.sweeps import load_cells

PLACES = "time,agent,x,y\n" + "".join(f"{time},{agent},{agent},{time}\n" for time in (0, 9) for agent in range(3))
RANGE = "{kind: range, radius: 5 m, mobility: {kind: trace, file: recorded/places.csv}}"
SWEEP = """\
name: far
question: Does it matter where they are?
base: scenario.yaml
axes: [{path: network.topology.mobility.file, values: [recorded/places.csv, recorded/far.csv]}]
compare: {file: recorded/places.csv}
quick: {axes: {file: [recorded/places.csv]}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A scenario, a part of it in a folder of its own, and recordings; the current directory is another one."""
    study = tmp_path / "study"
    for name, text in {
        "scenario.yaml": SCENARIO.replace("{kind: random_connected, edges: 2, resample: episode}", RANGE),
        "sweep.yaml": SWEEP,
        "parts/link.yaml": "{rate: unlimited, delay: {kind: trace, file: delays.csv}, loss: 0%}",
        "parts/delays.csv": "delay_ms\n1\n2\n",
        "recorded/places.csv": PLACES,
        "recorded/far.csv": PLACES.replace("0,0,0,0", "0,0,99,0"),
    }.items():
        (study / name).parent.mkdir(parents=True, exist_ok=True)
        (study / name).write_text(text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return study


def places_of(scenario):
    return scenario.network.topology.mobility.positions(3, 0, 0).tolist()


def test_a_path_is_relative_to_the_file_that_says_it(folder):
    scenario = load_scenario(folder / "scenario.yaml", ["network.link={include: ../study/parts/link.yaml}"])
    assert places_of(scenario) == [[0, 0], [1, 0], [2, 0]]
    assert scenario.network.link.delay.values == (0.001, 0.002)
    _, cells = load_cells(folder / "sweep.yaml")
    assert [places_of(cell.scenario)[0] for cell in cells] == [[0, 0], [99, 0]]


def test_a_path_on_the_command_line_is_relative_to_the_current_directory(folder):
    change = "network.topology.mobility.file=../study/recorded/far.csv"
    assert places_of(load_scenario(folder / "scenario.yaml", [change]))[0] == [99, 0]
    with pytest.raises(ScenarioError, match="cannot read 'recorded/far"):
        load_scenario(folder / "scenario.yaml", ["network.topology.mobility.file=recorded/far.csv"])


def test_links_are_found_and_kept_as_a_recording_is(folder):
    (folder / "links.csv").write_text("0,1\n1,2\n")
    text, files = (folder / "scenario.yaml").read_text(), {}
    (folder / "listed.yaml").write_text(text.replace(RANGE, "{kind: edges, file: links.csv}"))
    resolved = resolved_yaml(load_scenario(folder / "listed.yaml"), files)
    ((name, content),) = files.items()
    assert content == b"0,1\n1,2\n"
    for part, kept in (("kept.yaml", resolved.encode()), (name, content)):
        (folder / part).parent.mkdir(exist_ok=True)
        (folder / part).write_bytes(kept)
    again = load_scenario(folder / "kept.yaml")
    assert resolved_yaml(again) == resolved
    assert again.network.topology.graph(3, 0).edges == ((0, 1), (1, 0), (1, 2), (2, 1))
    (folder / name).write_text("0,1\n0,2\n")
    with pytest.raises(ScenarioError, match="was changed"):
        load_scenario(folder / "kept.yaml")


def test_a_policy_is_found_as_a_recording_is(folder):
    (folder / "prey.safetensors").write_bytes(b"weights")
    text = (folder / "scenario.yaml").read_text()
    env = next(line for line in text.splitlines() if line.startswith("env:"))
    (folder / "tag.yaml").write_text(text.replace(env, "env: {kind: mpe_tag, opponent_policy: prey.safetensors}"))
    files = {}
    kept = read_document(resolved_yaml(load_scenario(folder / "tag.yaml"), files)).root
    assert files[kept["env"]["opponent_policy"]] == b"weights"


def test_a_recording_too_long_to_be_written_out_is_kept_as_a_file(folder, tmp_path):
    (folder / "losses.csv").write_text("lost\n" + "0\n1\n" * 20_000)
    text, files = (folder / "scenario.yaml").read_text(), {}
    (folder / "long.yaml").write_text(text.replace("loss: 0%", "loss: {kind: trace, file: losses.csv, offset: 1}"))
    resolved = resolved_yaml(load_scenario(folder / "long.yaml"), files)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "scenario.yaml").write_text(resolved)
    again = load_scenario(tmp_path / "scenario.yaml")
    assert again.network.link.loss.loss_rate == 0.5
    assert resolved_yaml(again) == resolved


def test_a_run_folder_is_whole(folder, tmp_path):
    """Moved, and the recording gone, it is evaluated, shown and resumed; with another recording it is another run."""
    out = tmp_path / "run"
    dvdn_sim.run(load_scenario(folder / "scenario.yaml"), device="cpu", out=out)
    kept = next((out / "files").iterdir())
    assert kept.read_text() == PLACES
    assert f"file: files/{kept.name}" in (out / "scenario.yaml").read_text()
    (folder / "recorded/places.csv").write_text(PLACES.replace("0,0,0,0", "0,0,77,0"))
    with pytest.raises(RunFolderError, match=r"network.topology.mobility.file: files/.* before, files/.* now"):
        dvdn_sim.run(load_scenario(folder / "scenario.yaml"), device="cpu", out=out, resume=True)
    moved = out.rename(tmp_path / "moved")
    scenario = load_scenario(moved / "scenario.yaml")
    assert places_of(scenario)[0] == [0, 0]
    again = dvdn_sim.run(scenario, device="cpu", out=moved, resume=True)
    assert again.as_json()["digest"] == json.loads((moved / "manifest.json").read_text())["digest"]
    dvdn_sim.evaluate(moved, episodes=1)


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_what_was_kept_and_is_not_as_it_was_is_refused_by_name(folder, tmp_path, harm):
    files = {}
    text = resolved_yaml(load_scenario(folder / "scenario.yaml"), files)
    (tmp_path / "files").mkdir()
    (name,) = files
    (tmp_path / "scenario.yaml").write_text(text)
    if harm == "changed":
        (tmp_path / name).write_text(PLACES + "10,0,1,1\n")
    with pytest.raises(ScenarioError, match="is not the file that was kept there") as caught:
        load_scenario(tmp_path / "scenario.yaml")
    assert name in str(caught.value)


def test_a_sweep_folder_is_whole(folder, tmp_path):
    sweep, cells = load_cells(folder / "sweep.yaml")
    files = {}
    stored = tmp_path / "stored"
    (stored / "files").mkdir(parents=True)
    (stored / "sweep.yaml").write_text(sweep.resolved(files))
    for name, content in files.items():
        (stored / name).write_bytes(content)
    for path in folder.rglob("*.*"):
        path.unlink()
    _, again = load_cells(stored / "sweep.yaml")
    assert (
        [cell.id for cell in again]
        == [cell.id for cell in cells]
        == ["file=recorded_places.csv", "file=recorded_far.csv"]
    )
    assert [places_of(cell.scenario) for cell in again] == [places_of(cell.scenario) for cell in cells]
