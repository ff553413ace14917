"""The page: question, answer, figures, runs, assumptions and scenario, in one HTML file that loads nothing."""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from dvdn_sim.reporting.answer import answer
from dvdn_sim.reporting.assumptions import ASSUMPTIONS
from dvdn_sim.reporting.figure import Figure
from dvdn_sim.reporting.figures.ends import text as score_text
from dvdn_sim.reporting.html import asset, document
from dvdn_sim.reporting.measures import A_EFF, MEASURES, best, final, whole
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.scenario import differences

LISTED = (A_EFF, MEASURES["held in time"])


def page(study: Study, figures: Sequence[Figure]) -> str:
    """Return the page of a study.

    Args:
        study: what it is about.
        figures: of it, in the order in which they stand.
    """
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 (a second that nothing else needs)

    plotly = base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
    body = [
        *_head(study),
        _contents(figures),
        _scores(study),
        *(_figure(figure) for figure in figures),
        _runs(study),
        _assumptions(),
        _scenarios(study),
        f'<script type="application/json" id="figures">{_data(figures)}</script>',
        f'<script type="application/gzip" id="plotly">{plotly}</script>',
    ]
    return document(study.name, "\n".join(body), style=asset("page.css"), script=asset("page.js"))


def _data(figures: Sequence[Figure]) -> str:
    """Return what the page's script draws from, as JSON that no HTML ends early."""
    said = [
        {
            "id": figure.id,
            "views": {
                json.dumps(list(state), ensure_ascii=False, separators=(",", ":")): {
                    "traces": view.traces,
                    "layout": view.layout,
                }
                for state, view in figure.views.items()
            },
            "csv": figure.table.write_csv(),
        }
        for figure in figures
    ]
    return json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _head(study: Study) -> Iterator[str]:
    question = f"<p><strong>{escape(study.question)}</strong></p>" if study.question else ""
    yield f'<section class="card" aria-label="answer">{question}<p class="answer">{escape(answer(study))}</p>'
    count = len(study.cells)
    left = f", {len(study.left_out)} left out" if study.left_out else ""
    audits = {str(cell.manifest.get("audit")) for cell in study.cells}
    audit = "every message is accounted for" if audits == {"ok"} else "THE AUDIT OF A RUN DOES NOT ADD UP"
    yield f'<p class="muted">{count} {"cell" if count == 1 else "cells"} finished{left}; {audit}.</p></section>'
    yield "<noscript><p>The figures need JavaScript; their numbers are in the tables beside this page.</p></noscript>"


def _contents(figures: Sequence[Figure]) -> str:
    links = "".join(f'<li><a href="#{figure.id}">{escape(figure.title)}</a></li>' for figure in figures)
    more = '<li><a href="#runs">Runs</a></li><li><a href="#given">What is taken as given</a></li>'
    return f'<nav aria-label="contents"><ul><li><a href="#scores">Scores</a></li>{links}{more}</ul></nav>'


def _scores(study: Study) -> str:
    names = [*study.varied, "seeds", "return, last tenth", "mean over training", "best checkpoint (optimistic)"]
    rows = []
    for cell in study.cells:
        top = best(cell)
        optimism = "" if top.optimism is None else f" (by {top.optimism:.2f})"
        rows.append(
            [
                *(cell.at[name] for name in study.varied),
                str(len(cell.curves)),
                score_text(final(cell), 2),
                score_text(whole(cell), 2),
                f"{top.estimate.value:.2f}{optimism}",
                *(measure.text(cell) for measure in LISTED),
            ]
        )
    caption = (
        "Interquartile means over seeds with 95 % intervals. The best of all checkpoints is the paper's protocol; in"
        " parentheses how much of it is the choice."
    )
    table = _table([*names, *(measure.name for measure in LISTED)], rows, caption, numbers_from=len(study.varied))
    return f'<section class="card" id="scores"><h2>Scores</h2>{table}</section>'


def _figure(figure: Figure) -> str:
    switches = "".join(
        f"<label>{escape(switch.name)} <select>"
        + "".join(f'<option value="{escape(option)}">{escape(option)}</option>' for option in switch.options)
        + "</select></label>"
        for switch in figure.switches
    )
    named = escape(figure.title)
    return f"""<section class="card" id="{figure.id}" aria-labelledby="{figure.id}-title">
<h2 id="{figure.id}-title">{named}</h2>
<p class="muted">{escape(figure.said)}</p>
<div class="switches">{switches}</div>
<figure><div class="plot" role="img" aria-label="{escape(figure.alt)}"></div>
<p class="nothing" hidden>There is nothing to show for this choice.</p></figure>
<div class="downloads"><button type="button" data-save="svg" aria-label="download {named} as SVG">SVG</button>
<button type="button" data-save="csv" aria-label="download the numbers of {named} as CSV">CSV</button></div>
<details class="numbers"><summary>Numbers</summary><div class="scroll" tabindex="0"></div></details>
</section>"""


def _runs(study: Study) -> str:
    rows = []
    for cell in study.cells:
        said = "; ".join(f"seed {sign.seed}: {sign.message}" for sign in cell.signs)
        wall_s: Any = cell.manifest.get("wall_s")
        rows.append(
            [
                cell.id,
                str(cell.manifest.get("audit")),
                said or "none",
                str(cell.manifest.get("device")),
                "" if wall_s is None else f"{wall_s:.0f} s",
                str(cell.manifest.get("digest", ""))[:16],
            ]
        )
    table = _table(["run", "audit", "signs of trouble", "device", "took", "digest"], rows, "All finished runs.")
    left = ""
    if study.left_out:
        named = "".join(
            f"<li><code>{escape(str(each.run_dir))}</code>: {escape(each.why)}</li>" for each in study.left_out
        )
        why = "They did not come to their end, or cannot be read, and enter no number."
        left = f'<h3>Left out</h3><p>{why}</p><ul class="warn">{named}</ul>'
    versions = {json.dumps(cell.manifest.get("versions"), sort_keys=True) for cell in study.cells}
    said = "; or ".join(sorted(_versions(each) for each in versions))
    last = f'<p class="muted">Versions: {escape(said)}.</p>'
    return f'<section class="card" id="runs"><h2>Runs</h2>{table}{left}{last}</section>'


def _versions(said: str) -> str:
    found: Mapping[str, str] = json.loads(said) or {}
    return ", ".join(f"{name} {version}" for name, version in found.items()) or "not recorded"


def _assumptions() -> str:
    said = "".join(f"<li>{escape(each)}</li>" for each in ASSUMPTIONS)
    return (
        '<section class="card" id="given"><h2>What is taken as given</h2><p>A simulation is only as good as what it'
        f' leaves out. Free of charge, and never failing, are here:</p><ol class="given">{said}</ol></section>'
    )


def _scenarios(study: Study) -> str:
    first, *others = study.cells
    changed = "".join(f"<h3>{escape(cell.id)}</h3><ul>{_changes(first, cell)}</ul>" for cell in others)
    rest = f"<details><summary>How the others differ from it</summary>{changed}</details>" if others else ""
    return (
        f'<section class="card" id="scenario"><h2>Scenario</h2><details><summary>{escape(first.id)}, with every default'
        f"</summary><pre>{escape(first.scenario_text)}</pre></details>{rest}</section>"
    )


def _changes(first: Cell, cell: Cell) -> str:
    lines = differences(first.scenario_text, cell.scenario_text)
    return "".join(
        f"<li><code>{escape(line.replace(' before, ', ' there, ').replace(' now', ' here'))}</code></li>"
        for line in lines
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, numbers_from: int | None = None) -> str:
    def kind(place: int) -> str:
        return ' class="number"' if numbers_from is not None and place >= numbers_from else ""

    top = "".join(f'<th scope="col"{kind(place)}>{escape(name)}</th>' for place, name in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{kind(place)}>{escape(value)}</td>" for place, value in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
