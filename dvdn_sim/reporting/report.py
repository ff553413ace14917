"""From folders to files: the page, the tables of its figures, and the figures themselves as SVG."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from dvdn_sim.errors import DvdnSimError, RunFolderError, StorageError, os_errors_as
from dvdn_sim.records import write_durably
from dvdn_sim.reporting.figures import FIGURES, graph, predicted
from dvdn_sim.reporting.measures import score_table
from dvdn_sim.reporting.page import PAGE_MARK, asset
from dvdn_sim.reporting.page import page as html_page
from dvdn_sim.reporting.plots import Figure, Json, View, csv
from dvdn_sim.reporting.study import Study, read_study

Progress = Callable[[str, int, int], None]
"""Gets what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Report:
    """A study and its figures, in the order of the page."""

    study: Study
    figures: Sequence[Figure]

    def html(self) -> str:
        """Return the page."""
        return html_page(self.study, self.figures)

    def write(self, out: Path, *, svgs: bool = False) -> list[Path]:
        """Write the page into a folder with the tables beside it, or alone if `out` is the name of an HTML file.

        With `svgs` the figures are written, too, as `write_svgs` does. Returns the files, the page first. Raises
        `StorageError` if the disk refuses them, and `RunFolderError` where files lie that no report wrote.
        """
        page = page_path(out)
        refuse_other_page(page)
        files = [(page, self.html().encode())] if page == out else list(self._files(out))
        drawn = {page.parent / "figures" / name for figure in self.figures for name, _ in _file_names(figure) if svgs}
        if not page.exists():
            for path, content in [*files, *((path, b'class="main-svg"') for path in sorted(drawn))]:
                if path.exists() and not _alike(path, content):
                    raise RunFolderError(f"{path} exists, and no report wrote it; name another place")
        try:
            for path, content in files:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_durably(path, content)
        except OSError as error:
            raise StorageError(f"the report cannot be written: {error}") from error
        return [*(path for path, _ in files), *(write_svgs(self.figures, page.parent / "figures") if svgs else ())]

    def _files(self, out: Path) -> Iterator[tuple[Path, bytes]]:
        yield out / "page.html", self.html().encode()
        for figure in self.figures:
            yield out / "tables" / f"{figure.id}.csv", figure.csv.encode()
            buffer = io.BytesIO()
            figure.table.write_parquet(buffer)
            yield out / "tables" / f"{figure.id}.parquet", buffer.getvalue()
        yield out / "tables" / "scores.csv", csv(score_table(self.study)).encode()


def page_path(out: Path) -> Path:
    """Return where the page of a report lies."""
    return out if out.suffix == ".html" else out / "page.html"


def refuse_other_page(path: Path) -> None:
    """Refuse to write over anything but the page of an earlier report.

    Raises:
        RunFolderError: Something else lies there.
    """
    with os_errors_as(RunFolderError, f"{path} cannot be read"):
        there, ours = path.is_symlink() or path.exists(), path.is_file() and PAGE_MARK.encode() in path.read_bytes()
    if there and not ours:
        raise RunFolderError(f"{path} exists, and is no page of a report; name another place")


def _alike(path: Path, content: bytes) -> bool:
    """Return whether a file may be an earlier report's: a table of the same columns, or a figure that plotly drew."""
    if not path.is_file():
        return False
    before = path.read_bytes()
    if path.suffix == ".parquet":
        columns = pl.read_parquet_schema(io.BytesIO(content))
        return before[:4] == content[:4] and all(name.encode() in before for name in columns)
    return before.startswith(content.partition(b"\n")[0]) if path.suffix == ".csv" else content in before


def report(folders: Sequence[Path | str], progress: Progress = lambda _what, _done, _total: None) -> Report:
    """Report on the folders of sweeps and runs; a pure function of what is in them. Raises what `read_study` raises."""
    study = read_study(folders, lambda done, total: progress("reading", done, total))
    progress("drawing", 0, 1)
    figures = [
        *(draw(study) for draw in FIGURES),
        predicted(study, lambda done, total: progress("predicting", done, total)),
        graph(study),
    ]
    return Report(study, [figure for figure in figures if figure is not None])


WIDTH, HEIGHT = 860, 440
MAX_STATES = 12
"""States of a figure's choices up to which all are written; of a figure with more, the first alone."""
_COLOUR = re.compile(r"(series-\d|ink|muted|line|accent|card|paper)(?:/([\d.]+))?")


def write_svgs(figures: Sequence[Figure], folder: Path) -> list[Path]:
    """Write figures, one file for each state of their choices: ``learning--simulated_time--20.svg``.

    A browser that nobody sees draws them. Makes the folder, and returns the files. Raises `DvdnSimError` if there is no
    kaleido, or no Chrome or Chromium that it can use.
    """
    _kaleido()
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {folder / name: _in_light(view) for figure in figures for name, view in _file_names(figure)}
    wanted = [
        {"fig": view, "path": str(path),
         "opts": {"format": "svg", "width": WIDTH, "height": view["layout"].get("height", HEIGHT)}}
        for path, view in drawn.items()
    ]  # fmt: skip
    _draw(wanted)
    return list(drawn)


def refuse_without_browser() -> None:
    """Draw an empty figure: what makes SVG files impossible is told before the work. Raises what `write_svgs` does."""
    with TemporaryDirectory() as folder:
        _draw([{"fig": {"data": [], "layout": {}}, "path": f"{folder}/none.svg", "opts": {"format": "svg"}}])


def _kaleido() -> Any:
    try:
        import kaleido  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise DvdnSimError(
            "SVG files need kaleido: pip install 'dvdn-sim[figures]'; the page saves them, too"
        ) from error
    return kaleido


def _draw(wanted: Sequence[Json]) -> None:
    kaleido = _kaleido()
    try:
        kaleido.write_fig_from_object_sync(wanted)
    except Exception as error:  # whatever a browser may say
        raise DvdnSimError(f"SVG files need Chrome or Chromium: {error}; the page saves them, too") from error


def _file_names(figure: Figure) -> Iterator[tuple[str, View]]:
    states = [state for state in figure.states() if state in figure.views]
    for state in states if len(states) <= MAX_STATES else states[:1]:
        words = [re.sub(r"[^A-Za-z0-9.=+-]+", "_", option).strip("_") for option in state]
        yield "--".join([figure.id, *words]) + ".svg", figure.views[state]


def _in_light(view: View) -> Json:
    """Return a view with colours as plotly knows them: the page's own, in its light theme."""
    light = asset("document.css").split("}", 1)[0]
    palette = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))

    def coloured(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: coloured(each, name) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [coloured(each, key) for each in value]
        named = _COLOUR.fullmatch(value) if isinstance(value, str) and key.endswith("color") else None
        if named is None:
            return value
        red, green, blue = (int(palette[named[1]][at : at + 2], 16) for at in (1, 3, 5))
        return f"rgba({red},{green},{blue},{named[2] or 1})"

    axis = {"automargin": True, "gridcolor": "line", "zerolinecolor": "muted", "linecolor": "line"}
    legend = {"orientation": "h", "yref": "container", "y": 0.01, "yanchor": "bottom", "x": 0}
    layout: Json = {
        "font": {"family": "DejaVu Sans, sans-serif", "size": 13, "color": "ink"},
        "paper_bgcolor": "card", "plot_bgcolor": "card", "margin": {"l": 60, "r": 20, "t": 48, "b": 104},
        **view.layout,
        "legend": legend | view.layout.get("legend", {}),
        "xaxis": axis | view.layout["xaxis"], "yaxis": axis | view.layout["yaxis"],
    }  # fmt: skip
    found: Json = coloured({"data": list(view.traces), "layout": layout})
    return found
