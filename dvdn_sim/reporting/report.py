"""From folders to a page, its figures and its tables."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dvdn_sim.errors import StorageError
from dvdn_sim.records import write_durably
from dvdn_sim.reporting.figure import Figure
from dvdn_sim.reporting.figures.collapse import collapse
from dvdn_sim.reporting.figures.courses import signal, tracking
from dvdn_sim.reporting.figures.differences import differences
from dvdn_sim.reporting.figures.ends import ends
from dvdn_sim.reporting.figures.graph import graph
from dvdn_sim.reporting.figures.heat import heat
from dvdn_sim.reporting.figures.learning import learning
from dvdn_sim.reporting.figures.messages import fates, round_times
from dvdn_sim.reporting.figures.predicted import predicted
from dvdn_sim.reporting.figures.profiles import profiles
from dvdn_sim.reporting.figures.signs import signs
from dvdn_sim.reporting.page import page
from dvdn_sim.reporting.study import Study, read_study

Told = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Report:
    """What a report consists of.

    Attributes:
        study: what it is about.
        figures: in the order of the page.
    """

    study: Study
    figures: Sequence[Figure]

    def html(self) -> str:
        """The page."""
        return page(self.study, self.figures)

    def write(self, out: Path) -> list[Path]:
        """Write the page, and beside it the tables, unless `out` is the name of an HTML file.

        Args:
            out: a folder, or a file that ends in ``.html``.

        Returns:
            What was written, the page first.

        Raises:
            StorageError: The disk refuses it.
        """
        alone = out.suffix == ".html"
        try:
            files = [(out, self.html().encode())] if alone else list(self._files(out))
            for path, content in files:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_durably(path, lambda file, content=content: file.write(content))  # type: ignore[misc]
        except OSError as error:
            raise StorageError(f"the report cannot be written: {error}") from error
        return [path for path, _ in files]

    def _files(self, out: Path) -> Iterator[tuple[Path, bytes]]:
        yield out / "page.html", self.html().encode()
        for figure in self.figures:
            yield out / "tables" / f"{figure.id}.csv", figure.table.write_csv().encode()
            buffer = io.BytesIO()
            figure.table.write_parquet(buffer)
            yield out / "tables" / f"{figure.id}.parquet", buffer.getvalue()


def report(folders: Sequence[Path | str], told: Told = lambda _what, _done, _total: None) -> Report:
    """Report on the folders of sweeps and runs; a pure function of what is in them.

    Args:
        folders: each that of a sweep, of a run, or one that holds such folders.
        told: how it comes on.

    Raises:
        RunFolderError: A folder holds neither, or a sweep whose table is damaged, or no run can be reported.
    """
    study = read_study(folders, lambda done, total: told("reading", done, total))
    told("drawing", 0, 1)
    figures = (
        ends(study),
        heat(study),
        differences(study),
        learning(study),
        collapse(study),
        profiles(study),
        signal(study),
        tracking(study),
        signs(study),
        fates(study),
        round_times(study),
        predicted(study, lambda done, total: told("predicting", done, total)),
        graph(study),
    )
    return Report(study, [figure for figure in figures if figure is not None])
