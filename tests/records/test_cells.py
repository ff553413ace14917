"""The folder of a sweep: it can be read at any time, and what the cells' own folders say is the truth."""

import pytest
from edited_folders import edit

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import CELLS_FILE, FOUND, SweepRow, SweepTable, read_cells, write_cells

RESULT = dict.fromkeys(FOUND) | {"return": {"mean": 0.5}, "digest": "abc", "wall_s": 2.0}


def table(*rows: SweepRow) -> SweepTable:
    return SweepTable("small", "Why?", {"loss": ("0%", "10%")}, ("loss", "0%"), list(rows), 3.0)


def row(name: str, **said) -> SweepRow:
    return SweepRow(f"loss={name}", {"loss": name}, {"network.link.loss": name}, (0, 1), **said)


def manifest(folder, **said):
    folder.mkdir(exist_ok=True)
    edit(folder / "manifest.json", **said)


def test_what_is_written_is_read(tmp_path):
    manifest(tmp_path / "loss=0%", state="finished", digest="abc")
    written = table(row("0%", state="finished", found=RESULT), row("10%", state="failed", error="too hot"))
    write_cells(tmp_path, written)
    assert read_cells(tmp_path) == written


def test_json_has_the_promised_keys(tmp_path):
    said = table(row("0%", state="finished", found=RESULT), row("10%", state="failed", error="too hot")).as_json()
    assert {"cells", "done", "failed", "wall_s"} <= set(said)
    assert (said["done"], said["failed"], said["wall_s"]) == (1, 1, 3.0)
    finished, failed = said["cells"]
    for cell in (finished, failed):
        assert {"id", "set", "seeds", "state", "return", "network", "consensus"} <= set(cell)
    assert (finished["state"], finished["return"], finished["error"]) == ("finished", {"mean": 0.5}, None)
    assert (failed["state"], failed["return"], failed["error"]) == ("failed", None, "too hot")


def test_a_cell_is_finished_if_its_own_folder_says_so(tmp_path):
    """The table is a few seconds behind; and a cell may have been taken away, or run again."""
    manifest(tmp_path / "loss=0%", state="finished", digest="abc")
    manifest(tmp_path / "loss=5%", state="interrupted")
    manifest(tmp_path / "loss=10%", state="finished", digest="another")
    rows = [row("0%", state="running"), row("1%", state="finished", found=RESULT), row("5%", state="interrupted"),
            row("10%", state="finished", found=RESULT)]  # fmt: skip
    write_cells(tmp_path, table(*rows))
    read = read_cells(tmp_path)
    assert [each.state for each in read.rows] == ["finished", "waiting", "interrupted", "finished"]
    assert [dict(each.found) for each in read.rows] == [{}, {}, {}, {}]


def test_what_is_no_sweep_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match=r"holds no sweep: no cells\.json"):
        read_cells(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": []}', '{"cells": [5], "axes": {}}'])
def test_a_damaged_table_is_refused(tmp_path, text):
    (tmp_path / CELLS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"cells\.json is damaged"):
        read_cells(tmp_path)


@pytest.mark.parametrize("content", ["{", "[" * 100_000, None, "3"])
def test_a_damaged_cell_has_failed_and_keeps_no_other_from_being_read(tmp_path, content):
    """Its manifest may even be a folder."""
    manifest(tmp_path / "loss=10%", state="finished", digest="abc")
    write_cells(tmp_path, table(row("0%", state="finished", found=RESULT), row("10%", state="finished", found=RESULT)))
    path = tmp_path / "loss=0%" / "manifest.json"
    path.parent.mkdir()
    path.mkdir() if content is None else path.write_text(content, encoding="utf-8")
    damaged, whole = read_cells(tmp_path).rows
    assert (damaged.state, dict(damaged.found)) == ("failed", {})
    assert "loss=0%/manifest.json is damaged" in damaged.error
    assert (whole.state, whole.found) == ("finished", RESULT)
