"""From run folders to a page: a pure function of the folders. No torch.

Read in this order:

* `curves`: what the records of a run come to: its evaluations, one score per seed, its exchanges over training.
* `study`: all of that for every cell of a sweep, or for any runs side by side; which runs are left out, and why.
* `headroom`: what communicating is worth in a task, and how much of it a cell has.
* `measures`: the numbers of a cell; arms against the baseline. `answer`: the page's answer in words.
* `plots`, `figures`: what is drawn, and the table behind it.
* `page`, ``templates``: the page. `report`: all of it, from folders to files.
* `episode_page`: the page of one episode.

Interquartile means, differences of arms and profiles are `dvdn_sim.statistics`.
"""

# isort: off
# fmt: off
from dvdn_sim.reporting.answer import answer
from dvdn_sim.reporting.curves import (
    BINS, COLUMNS, Curve, Exchanges, area, curves_of, exchanges_of, final_mean, learning_curve, on_grid, scores_of,
    tracking_of,
)
from dvdn_sim.reporting.episode_page import CLEAR, MARK, episode_page, pairs_of, state_of, states
from dvdn_sim.reporting.measures import (
    LAST, MEASURES, WHOLE, best, bounds_as_json, contrasts, estimate_text, score,
)
from dvdn_sim.reporting.page import ASSUMPTIONS
from dvdn_sim.reporting.plots import COLOURS, Figure, Panels, around, axes, banded, colour, plain, points
from dvdn_sim.reporting.report import Report, page_path, refuse_other_page, refuse_without_browser, report, write_svgs
from dvdn_sim.reporting.study import Cell, Study, finished_runs, read_study
# fmt: on
# isort: on

__all__ = [
    "ASSUMPTIONS", "BINS", "CLEAR", "COLOURS", "COLUMNS", "LAST", "MARK", "MEASURES", "WHOLE", "Cell", "Curve",
    "Exchanges", "Figure", "Panels", "Report", "Study", "answer", "area", "around", "axes", "banded", "best",
    "bounds_as_json",
    "colour", "contrasts", "curves_of", "episode_page", "estimate_text", "exchanges_of", "final_mean",
    "finished_runs", "learning_curve", "on_grid", "page_path", "pairs_of", "plain", "points", "read_study",
    "refuse_other_page", "refuse_without_browser", "report", "score", "scores_of", "state_of",
    "states", "tracking_of", "write_svgs",
]  # fmt: skip
