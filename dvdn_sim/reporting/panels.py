"""How cells are laid out in a figure: one axis gives the lines, the others are chosen with switches."""

from collections.abc import Iterator
from itertools import product

from dvdn_sim.reporting.figure import Switch
from dvdn_sim.reporting.study import Cell, Study


class Panels:
    """The cells of a study, series by series within each panel.

    Attributes:
        series: name of the axis whose labels are the lines: that of the baseline, or the first.
        across: name of the axis along which lines go where a figure has one; None if cells differ on one axis alone.
        switches: one for each axis whose label is chosen.
    """

    def __init__(self, study: Study, *, across: bool = False) -> None:
        """Lay out the cells.

        Args:
            study: whose.
            across: whether the second axis is drawn along the horizontal one, and not chosen.
        """
        self.study = study
        self.series, *others = study.varied
        self.across = others.pop(0) if across and others else None
        self._chosen = others
        self.switches = [Switch(name, list(study.axes[name])) for name in others]

    def items(self) -> Iterator[tuple[tuple[str, ...], list[tuple[int, Cell]]]]:
        """Yield the labels that are chosen, and the cells there with the number of their series."""
        labels = list(self.study.axes[self.series])
        for state in product(*(switch.options for switch in self.switches)):
            here = [cell for cell in self.study.cells if tuple(cell.at[name] for name in self._chosen) == state]
            yield state, sorted(((labels.index(self.series_of(cell)), cell) for cell in here), key=lambda each: each[0])

    def series_of(self, cell: Cell) -> str:
        """Return the label of the line that a cell belongs to."""
        return cell.at[self.series]
