"""The page of a study: question, answer, figures, runs, assumptions and scenario, in one HTML file that loads nothing.

`render` makes every page from its template in ``templates``, where the styles and scripts lie, too.
"""

import base64
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader

from dvdn_sim.reporting.answer import answer
from dvdn_sim.reporting.headroom import share
from dvdn_sim.reporting.measures import A_EFF, LAST, MEASURES, WHOLE, best, estimate_text, score
from dvdn_sim.reporting.plots import Figure
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.scenario import differences
from dvdn_sim.wording import printable

PAGE_MARK = 'data-page="dvdn-sim report"'
"""By which a page of a study is known again."""
ASSUMPTIONS = (
    "The team reward: every agent knows it at each step.",
    "The ends and ids of episodes: all agents begin and end an episode together and number it alike.",
    "A common sampling seed: all agents replay the same minibatch without a message.",
    "Common standardisation statistics: rewards are standardised alike at every agent.",
    "Identical clocks: deadlines are measured without drift.",
    "Known degrees: both ends of a link agree on the graph of a round when it begins.",
    "A transmitter without collisions: a shared transmitter is a queue, not a radio protocol.",
    "Time limits end episodes, unless the scenario bootstraps there.",
    "With gradient tracking, equal beginnings: all agents start with the same parameters.",
)
"""What every simulation takes as given, and free of charge; the README says the same with reasons."""


def asset(name: str) -> str:
    """Return the text of a file in ``templates``."""
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    loader = PackageLoader(__package__, "templates")
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def render(name: str, title: str, **content: object) -> str:
    """Return a whole page from the template, the style and the script of a name. Content is text, and is escaped."""
    html: str = printable(_templates().get_template(f"{name}.html.j2").render(name=name, title=title, **content))
    return html + "\n"


def page(study: Study, figures: Sequence[Figure]) -> str:
    """Return the page of a study with its figures in this order."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 (a fifth of a second that nothing else needs)

    first, *others = study.cells
    return render(
        "page",
        study.name,
        study=study,
        figures=figures,
        answer=answer(study),
        audited={str(cell.manifest.get("audit")) for cell in study.cells} == {"ok"},
        score_names=[*study.varied, *SCORE_COLUMNS],
        scores=[
            [*(cell.at[name] for name in study.varied), *(text(cell) for text in SCORE_COLUMNS.values())]
            for cell in study.cells
        ],
        versions=sorted({_versions(cell) for cell in study.cells}),
        assumptions=ASSUMPTIONS,
        changes=[(cell.id, _changes(first, cell)) for cell in others],
        data=_data(figures),
        plotly=base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode(),
    )  # fmt: skip


def _best(cell: Cell) -> str:
    top = best(cell)
    optimism = "" if top.optimism is None else f" (by {top.optimism:.2f})"
    return f"{top.estimate.value:.2f}{optimism}"


SCORE_COLUMNS: Mapping[str, Callable[[Cell], str]] = {
    "seeds": lambda cell: str(len(cell.curves)),
    "return, last tenth": lambda cell: estimate_text(score(cell, LAST), 2),
    WHOLE: lambda cell: estimate_text(score(cell, WHOLE), 2),
    "share of the headroom": lambda cell: "" if (found := share(cell)) is None else estimate_text(found, 2),
    "best checkpoint (optimistic)": _best,
    **{measure.name: measure.text for measure in (A_EFF, MEASURES["held in time"])},
}
"""What the table of scores says of a cell, by the names of its columns."""


def _versions(cell: Cell) -> str:
    found: Mapping[str, str] = cell.manifest.get("versions") or {}
    return ", ".join(f"{name} {found[name]}" for name in sorted(found)) or "not recorded"


def _changes(first: Cell, cell: Cell) -> list[str]:
    lines = differences(first.scenario_text, cell.scenario_text)
    return [line.replace(" before, ", " there, ").replace(" now", " here") for line in lines]


def _data(figures: Sequence[Figure]) -> str:
    """Return what the page's script draws from, as JSON that no HTML ends early."""
    found = [
        {
            "id": figure.id,
            "views": {
                json.dumps(list(state), ensure_ascii=False, separators=(",", ":")): {
                    "traces": view.traces,
                    "layout": view.layout,
                }
                for state, view in figure.views.items()
            },
            "csv": figure.csv,
        }
        for figure in figures
    ]
    return json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
