"""Which runs a page is about: whatever is not a whole, finished run is named, left out, and in no number."""

import shutil

import pytest
from edited_folders import edit
from report_folders import SCENARIO, write_run, write_sweep

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import locked, read_cells, write_cells
from dvdn_sim.reporting import COLUMNS, finished_runs, read_study

ONE = {"returns": {0: [0.0, 1.0]}}
AXES = {"rounds": ["1", "3"], "loss": ["0%", "20%", "40%"]}


def at(study):
    return [tuple(cell.at.values()) for cell in study.cells]


def left(study):
    return {each.run_dir.name: each.why for each in study.left_out}


def test_a_sweep_has_its_own_name_question_axes_and_order(tmp_path):
    cells = {(rounds, loss): ONE for rounds in AXES["rounds"] for loss in AXES["loss"]}
    study = read_study([write_sweep(tmp_path / "s", AXES, cells, name="n", compare=("loss", "0%"))])
    assert (study.name, study.question, dict(study.axes)) == ("n", "Does it matter?", AXES)
    assert at(study) == list(cells)
    assert [cell.id for cell in study.cells][:2] == ["rounds=1,loss=0%", "rounds=1,loss=20%"]
    assert study.varied == ("loss", "rounds")  # that of the baseline first
    assert [cell.at["loss"] for cell in study.along("rounds")["3"]] == AXES["loss"]
    assert (study.left_out, study.one_task) == ([], True)


def test_what_is_not_finished_is_named_and_no_axis_has_its_label(tmp_path):
    failed = "failed: seed 0, update 7: the loss is nan"
    cells = {
        ("1", "0%"): ONE,
        ("1", "20%"): ONE | {"state": "interrupted"},
        ("1", "40%"): ONE | {"state": failed},
        ("3", "0%"): ONE | {"state": "running"},
        ("3", "20%"): "the worker was lost",
        ("3", "40%"): ONE,
    }
    folder = write_sweep(tmp_path / "s", AXES, cells, compare=("rounds", "1"))
    (folder / "rounds=3,loss=40%" / "metrics" / "part-000001.parquet").write_bytes(b"PAR1")
    study = read_study([folder])
    assert at(study) == [("1", "0%")]
    assert dict(study.axes) == {"rounds": ["1"], "loss": ["0%"]}
    assert study.varied == ("rounds",)
    found = left(study)
    assert "part-000001.parquet is damaged" in found.pop("rounds=3,loss=40%")
    assert found == {
        "rounds=1,loss=20%": "interrupted",
        "rounds=1,loss=40%": failed,
        "rounds=3,loss=0%": "killed",
        "rounds=3,loss=20%": "the worker was lost",
    }


def test_a_cell_under_way_is_said_to_be_running_and_one_not_begun_to_wait(tmp_path):
    cells = {("1",): ONE, ("2",): ONE | {"state": "running"}, ("3",): ""}
    folder = write_sweep(tmp_path / "s", {"rounds": ["1", "2", "3"]}, cells)
    table = read_cells(folder)
    table.rows[2].state = "waiting"
    write_cells(folder, table)
    (folder / "rounds=2" / ".lock").touch()
    with locked(folder / "rounds=2"):
        assert left(read_study([folder])) == {"rounds=2": "running", "rounds=3": "waiting"}


def manifest(**changes):
    def damage(run):
        edit(run / "manifest.json", **changes)

    return damage


def no_environment(run):
    (run / "scenario.yaml").write_text("[no")
    edit(run / "manifest.json")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda run: (run / "scenario.yaml").unlink(), "scenario.yaml is missing"),
        (lambda run: (run / "scenario.yaml").write_text("[no"), "scenario.yaml is damaged: it is not what was written"),
        (no_environment, "scenario.yaml is damaged: it has no environment"),
        (manifest(seeds=[]), "manifest.json is damaged: no seeds"),
        (manifest(signs=[{}]), "manifest.json is damaged"),
        (lambda run: shutil.rmtree(run / "metrics"), "metrics/part-000001.parquet is missing"),
        (None, "the return at step 100 is nan"),
    ],
)
def test_a_finished_run_that_lacks_something_costs_no_other_its_page(tmp_path, damage, why):
    whole = write_run(tmp_path / "whole", **ONE)
    torn = write_run(tmp_path / "torn", {0: [0.0, 1.0 if damage else float("nan")]})
    if damage:
        damage(torn)
    study = read_study([whole, torn])
    assert [cell.id for cell in study.cells] == ["whole"]
    assert why in left(study)["torn"]


def test_a_folder_of_runs_a_run_and_one_of_equal_name_are_one_axis(tmp_path):
    for place in ("x/a", "x/b", "y/a"):
        write_run(tmp_path / place, **ONE)
    study = read_study([tmp_path / "x", tmp_path / "y" / "a"])
    assert [cell.id for cell in study.cells] == ["a", "b", f"a ({tmp_path / 'y'})"]
    assert dict(study.axes) == {"run": [cell.id for cell in study.cells]}
    assert (study.name, study.question, study.compare) == ("3 runs", "", ())


def test_a_single_run_gives_the_page_its_name(tmp_path):
    study = read_study([write_run(tmp_path / "lossy", {5: [0.0, 1.0, 2.0], 6: [0.0]}, random=0.25)])
    assert (study.name, study.varied) == ("lossy", ("run",))
    (cell,) = study.cells
    assert (cell.random_return, list(cell.curves)) == (0.25, [5, 6])
    assert cell.points.rows() == [(0, 0, 0, 0.0), (100, 10, 10, 50.0), (200, 20, 20, 100.0)]  # of the first seed


def test_whatever_is_given_twice_is_one(tmp_path):
    """A run that counted twice would make its interval too narrow, and a sweep given twice would be no sweep."""
    folder = write_sweep(tmp_path / "s", {"rounds": ["1", "2"]}, {("1",): ONE, ("2",): ONE})
    (tmp_path / "link").symlink_to(folder)
    assert read_study([folder, tmp_path / "link", tmp_path / "s" / ".." / "s"]).axes == {"rounds": ["1", "2"]}
    run = folder / "rounds=1"
    assert [cell.id for cell in read_study([run, run]).cells] == ["rounds=1"]


def test_cells_of_several_sweeps_stand_side_by_side_as_runs(tmp_path):
    for name in ("s", "t"):
        write_sweep(tmp_path / name, {"rounds": ["1"]}, {("1",): ONE}, name=name, compare=("rounds", "1"))
    study = read_study([tmp_path])
    assert [cell.id for cell in study.cells] == ["s: rounds=1", "t: rounds=1"]
    assert (study.name, study.compare) == ("s, t", ())


def test_nothing_finished_is_refused_with_what_became_of_each(tmp_path):
    run = write_run(tmp_path / "a", **ONE, state="interrupted")
    with pytest.raises(RunFolderError, match=rf"no run came to its end \({run}: interrupted\)"):
        read_study([run])


def test_a_folder_that_holds_nothing_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match=r"holds neither a sweep nor runs: no cells\.json"):
        read_study([tmp_path])
    with pytest.raises(RunFolderError, match=r"nowhere cannot be read: No such file"):
        read_study([tmp_path / "nowhere"])
    with pytest.raises(RunFolderError, match="cannot be read: File name too long"):
        read_study([tmp_path / ("x" * 300)])


def test_a_team_of_another_environment_is_another_task(tmp_path):
    """Its returns are not to be pooled with those of the scenario's, and no scenario says how many agents it has."""
    known = write_run(tmp_path / "a", **ONE, env="lbf")
    of_python = write_run(tmp_path / "b", **ONE, env="bells_v0")
    other = write_run(tmp_path / "c", **ONE, env="lbf", scenario=SCENARIO.replace("max_num_food: 2", "max_num_food: 1"))
    study = read_study([known, of_python])
    assert [cell.scenario is None for cell in study.cells] == [False, True]
    assert not study.one_task
    assert not read_study([known, other]).one_task
    assert read_study([of_python]).one_task
    wider, of_fewer = (
        write_run(tmp_path / line, **ONE, env="bells_v0", env_identity=[line]) for line in ("wide", "few")
    )
    assert not read_study([wider, of_fewer]).one_task
    newer = write_run(tmp_path / "d", **ONE, scenario=SCENARIO + "colour: blue\n")  # of another version
    assert read_study([newer]).cells[0].scenario is None


def test_whoever_waits_is_told_of_every_folder(tmp_path):
    for name in "abc":
        write_run(tmp_path / name, **ONE)
    told = []
    read_study([tmp_path], lambda *how: told.append(how))
    assert told == [(0, 3), (1, 3), (2, 3)]


def test_only_finished_runs_are_taken_in_the_order_given(tmp_path):
    failed, nowhere = "failed: seed 0, update 7: the loss is nan", tmp_path / "nowhere"
    good = [write_run(tmp_path / name, **ONE) for name in ("b", "a")]
    bad = {
        write_run(tmp_path / "stopped", **ONE, state="interrupted"): "interrupted",
        write_run(tmp_path / "broken", **ONE, state=failed): failed,
        write_run(tmp_path / "killed", **ONE, state="running"): "killed",
        nowhere: f"{nowhere} holds no run: no scenario.yaml, manifest.json, metrics or network",
    }
    finished, left_out = finished_runs([good[0], *bad, str(good[1])], COLUMNS)
    assert [run.path for run in finished] == good
    assert {each.run_dir: each.why for each in left_out} == bad
