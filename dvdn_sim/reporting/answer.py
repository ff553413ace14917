"""The answer of a page in a sentence or two, no stronger than its intervals."""

from itertools import count

from dvdn_sim.reporting.headroom import CENTRAL, SILENT, headroom, share, tells
from dvdn_sim.reporting.measures import LAST, Contrast, against_silent, contrasts, score, signed
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import LEVEL, Comparison, least_p_value
from dvdn_sim.wording import first_of, listed, plural

MANY = 6
"""Differences that a sentence tells one by one; of more, the largest and the least."""


def answer(study: Study) -> str:
    """Return what the finished cells say to the question, and what their bounds say of the task."""
    ranked = "" if study.bounds and not any(tells(cell) for cell in study.cells) else _ranked(study)
    return " ".join(each for each in (_worth(study), ranked, _shares(study), _below(study)) if each)


def _worth(study: Study) -> str:
    """Return what communicating is worth in each task that has bounds, or that nobody can tell."""
    by_bounds: dict[tuple[str, ...], tuple[Comparison, list[Cell]]] = {}
    for cell in study.cells:
        if (found := headroom(cell)) is not None:
            by_bounds.setdefault(tuple(bound.id for bound in cell.bounds.values()), (found, []))[1].append(cell)
    said = []
    for found, cells in by_bounds.values():
        varied = [axis for axis in study.varied if len({cell.at[axis] for cell in cells}) == 1]
        at = ", ".join(f"{axis}={cells[0].at[axis]}" for axis in varied if len(study.axes[axis]) > 1)
        at, gap = f" at {at}" if at and len(by_bounds) > 1 else "", signed(found.difference)
        central, silent = (score(cells[0].bounds[kind], LAST).value for kind in (CENTRAL, SILENT))
        said.append(
            f"Communicating is worth {gap} of return{at}: central {central:.2f}, silent {silent:.2f}."
            if tells(cells[0])
            else f"This task cannot tell networks apart{at}: central less silent is {gap}, so that nothing is ranked."
        )
    return " ".join(said)


def _shares(study: Study) -> str:
    """Return which cells have most and least of the headroom."""
    found = {cell.id: part for cell in study.cells if (part := share(cell)) is not None}
    if not found:
        return ""
    ordered = sorted(found, key=lambda name: -found[name].value)
    words = [
        f"{name} has {found[name].value:.0%}"
        + (" ({:.0%} to {:.0%})".format(*ends) if (ends := found[name].interval) else "")
        for name in dict.fromkeys((ordered[0], ordered[-1]))
    ]
    most = f"the most: {words[0]}; the least: {words[1]}" if len(words) > 1 else words[0]
    return f"Shares of that, {most}.".replace("-", "−")


def _below(study: Study) -> str:
    """Return which cells are worse than not communicating, and which have learnt nothing that shows."""
    worse = [each for each in against_silent(study) if each.clear and each.found.difference.value < 0.0]
    said = [f"{first_of([each.label for each in worse])}: worse than not communicating."] if worse else []
    idle = [cell for cell in study.cells if _no_better_than_random(cell)]
    if idle:
        said.append(
            f"{first_of([cell.id for cell in idle])}: no better than random play; nothing shows that it learnt."
        )
    return " ".join(said)


def _no_better_than_random(cell: Cell) -> bool:
    """Return whether random play returns as much as a cell; or may, though the seeds are enough to tell."""
    found, enough = score(cell, LAST), least_p_value(len(cell.curves)) <= LEVEL
    low = found.interval[0] if enough and found.interval is not None else found.value
    return cell.random_return is not None and low <= cell.random_return


def _ranked(study: Study) -> str:
    """Return what the cells say of each other."""
    found = contrasts(study)
    if found:
        return _of_contrasts(study, found)
    if len(study.cells) == 1:
        (cell,) = study.cells
        random = "" if cell.random_return is None else f"; uniform random play returns {cell.random_return:.2f}"
        return f"The team returns {_return(cell)} in the last tenth of training{random}."
    if study.bounds:
        return ""
    if not study.one_task:
        count = len(study.cells)
        return f"{count} runs of different tasks, whose returns are not to be compared; the scores are below."
    ordered = sorted(study.cells, key=lambda cell: score(cell, LAST).value)
    worst, best = ordered[0], ordered[-1]
    return (
        f"Of {len(ordered)} runs {best.id} returns the most, {_return(best)}, and {worst.id} the least,"
        f" {_return(worst)}. There is no baseline to compare with seed by seed."
    )


def _of_contrasts(study: Study, found: list[Contrast]) -> str:
    axis, baseline = study.compare
    overall = [  # over all cells; of a label with one cell, its own
        each for each in found if not each.where or sum(other.label == each.label for other in found) == 1
    ]
    overall.sort(key=lambda each: -each.found.difference.value)
    seeds = sorted({len(cell.curves) for cell in study.cells})
    each_cell = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    each_cell += " seed each" if seeds == [1] else " seeds each"
    where = "" if overall else "task by task, "
    where = "over all cells, " if any(len(each.found.pairing.seeds) > 1 for each in overall) else where
    said = [f"{axis}={each.label} {each.text()}" for each in overall]
    if len(said) > MANY:
        said[MANY // 2 : -MANY // 2] = [f"{len(said) - MANY} between"]
    differences = "; ".join(said)
    head = f"Return in the last tenth of training against {axis}={baseline}, {where}{each_cell}"
    return f"{_verdict(study, found, overall)}{head}{f': {differences}' if differences else ''}.{_cells(axis, found)}"


def _verdict(study: Study, found: list[Contrast], overall: list[Contrast]) -> str:
    axis, baseline = study.compare
    clear = [each for each in overall if each.clear]
    if not any(each.clear for each in found):
        return f"No difference is clear{_power(overall or found)}. "
    if not clear:
        return f"No difference over all cells is clear{_power(overall)}. " if overall else ""
    better, worse = ([f"{axis}={each.label}" for each in clear if (each.found.difference.value > 0.0) == sign]
                     for sign in (True, False))  # fmt: skip
    named = listed if len(clear) <= MANY else first_of
    verdicts = [
        f"{named(labels)} {'is' if len(labels) == 1 else 'are'} clearly {word}"
        for labels, word in ((better, "better"), (worse, "worse"))
        if labels
    ]
    return f"{' and '.join(verdicts)} than {axis}={baseline}. "


def _power(found: list[Contrast]) -> str:
    """Return the smallest difference that seeds would have shown, or how many could show one."""
    found = [each for each in found if not each.found.same]
    if not found:
        return ": the runs are the same"
    shown = [each.detectable for each in found if each.detectable is not None]
    if shown:
        return f", though one of {min(shown):.2f} would have been in four studies of five"
    best = max(found, key=lambda each: each.found.pairs).found
    most = max(len(seeds) for each in found for seeds in each.found.pairing.seeds.values())
    cells = len(best.sizes)
    needed = next(seeds for seeds in count(2) if least_p_value(*[seeds] * cells, paired=best.paired) <= found[0].level)
    return f": {plural(most, 'seed')} can show none, {needed} could"


def _cells(axis: str, found: list[Contrast]) -> str:
    """Return where a difference in one cell is clear, with the largest of them; and how many there are."""
    cells = [each for each in found if each.where]
    clear = [each for each in cells if each.clear]
    if len(cells) < 2:
        return ""
    if not clear:
        return f" Cell by cell, none of {len(cells)} differences is clear."
    largest = max(clear, key=lambda each: abs(each.found.difference.value))
    are = "1 is" if len(clear) == 1 else f"{len(clear)} are"
    return (
        f" Cell by cell, {are} clear of {len(cells)} differences; the largest is {axis}={largest.label} at"
        f" {largest.where}, {largest.text()}."
    )


def _return(cell: Cell) -> str:
    found = score(cell, LAST)
    if found.interval is None:
        return f"{found.value:.2f} (one seed, no interval)"
    return f"{found.value:.2f} ({found.interval[0]:.2f} to {found.interval[1]:.2f}, {len(cell.curves)} seeds)"
