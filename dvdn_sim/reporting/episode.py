"""An episode as one page: the team at each step, the links between its agents, what they did and what they gained."""

from collections.abc import Sequence
from html import escape

from dvdn_sim.records import Episode, Frame, Links
from dvdn_sim.reporting.episode_drawing import pairs_of, places, runs, scenes, timeline
from dvdn_sim.reporting.html import asset, document

MARK = '<p class="muted" data-page="dvdn-sim episode">'
"""By which such a page is known again."""
ROWS_AT_MOST = 40
"""Of the drawing of all links over time."""
BARS = "Full bars: up. Hollow: up in one direction alone. Low and dotted: cut by a fault. Blank: no link."
SPEEDS = {"0.5": "slow", "2": "normal", "6": "fast", "20": "very fast"}
"""Steps a second."""


def page(episode: Episode) -> str:
    """Return the page, which is the same for the same episode."""
    labels = [label(step, len(episode.agents), frame.links) for step, frame in enumerate(episode.frames)]
    body = [
        f"{MARK}{escape(episode.headline)}; return {episode.returns[-1]:.4g} in {_steps(len(episode.frames) - 1)}</p>",
        "<noscript><p>Without scripts only the first step is shown.</p></noscript>",
        f'<section class="card"><div class="stage"><div>{scenes(episode, labels)}{_controls(episode, labels)}</div>',
        f"<div>{_tables(episode)}{_moving(episode, labels)}</div></div></section>",
        *_over_time(episode),
        _explained(episode),
    ]
    title = f"{episode.name}: team of seed {episode.seed}, episode {episode.number}"
    return document(title, "\n".join(body), style=asset("episode.css"), script=asset("episode.js"))


def label(step: int, agents: int, links: Links | None) -> str:
    """Return what a frame shows, in words.

    >>> label(3, 4, Links(up=((0, 1), (1, 0)), cut=((1, 2),), down=(2,)))
    'step 3: agent 0 hears 1; agent 1 hears 0; agent 2 is down; agent 3 hears nobody'
    """
    if links is None:
        return f"step {step}"
    return f"step {step}: {'; '.join(f'agent {agent} {_hears(links, agent)}' for agent in range(agents))}"


def _hears(links: Links, agent: int) -> str:
    if agent in links.down:
        return "is down"
    return f"hears {_senders(links, agent)}"


def _senders(links: Links, agent: int) -> str:
    return ", ".join(str(sender) for sender, receiver in links.up if receiver == agent) or "nobody"


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _controls(episode: Episode, labels: Sequence[str]) -> str:
    last = len(episode.frames) - 1
    speeds = "".join(
        f'<option value="{value}"{" selected" if value == "2" else ""}>{name}</option>'
        for value, name in SPEEDS.items()
    )
    return (
        '<div class="controls">'
        '<button type="button" id="previous" aria-label="previous step">◀</button>'
        '<button type="button" id="play">Play</button>'
        '<button type="button" id="next" aria-label="next step">▶</button>'
        f'<label class="slider">Step <input type="range" id="step" min="0" max="{last}" value="0"></label>'
        f'<label>Speed <select id="speed">{speeds}</select></label></div>'
        f'<p id="now" class="muted" aria-live="polite">{escape(labels[0])}</p>'
    )


def _tables(episode: Episode) -> str:
    """Return what agents did, gained and hear, a table for each frame."""
    parts = []
    for step, (frame, so_far) in enumerate(zip(episode.frames, episode.returns, strict=True)):
        facts = [
            f"step <strong>{step}</strong> of {len(episode.frames) - 1}",
            f"return so far <strong>{so_far:.4g}</strong>",
        ]
        facts += [] if frame.time_s is None else [f"network time <strong>{frame.time_s:.10g} s</strong>"]
        under_way = "" if frame.links is None or not frame.links.faults else ", ".join(frame.links.faults)
        facts += [f'<span class="warn">under way: {escape(under_way)}</span>'] if under_way else []
        hidden = " hidden" if step else ""
        parts.append(
            f'<div data-step="{step}"{hidden}><p class="facts">{"".join(f"<span>{fact}</span>" for fact in facts)}</p>'
            f'<div class="scroll">{_table(episode.agents, frame)}</div></div>'
        )
    return "\n".join(parts)


def _table(agents: Sequence[str], frame: Frame) -> str:
    heads = ["", "agent", "did", "gained", *([] if frame.links is None else ["hears"])]
    rows = []
    for agent, name in enumerate(agents):
        did = "–" if frame.actions is None else frame.actions[agent]
        gained = "–" if frame.rewards is None else f"{frame.rewards[agent]:.4g}"
        cells = [str(agent), name, did, gained]
        if frame.links is not None:
            cells.append("down" if agent in frame.links.down else _senders(frame.links, agent))
        rows.append("".join(f"<td>{escape(cell)}</td>" for cell in cells))
    head = "".join(f'<th scope="col">{each or "#"}</th>' for each in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _moving(episode: Episode, labels: Sequence[str]) -> str:
    """Return where the topology has its agents, if it moves them itself."""
    drawn = places(episode, labels)
    said = "The topology moves its agents itself: who is in range of whom is decided here, not in the environment."
    return f"<h2>Where the network has its agents</h2><p>{said}</p>{drawn}" if drawn else ""


def _over_time(episode: Episode) -> list[str]:
    """Return when which links were up; a sentence where they are the same all the time."""
    if all(frame.links is None for frame in episode.frames):
        return []
    pairs = pairs_of(episode)
    last = len(episode.frames) - 1
    changing = [pair for pair in pairs if runs(episode, pair) not in ([("up", 0, last)], [("cut", 0, last)])]
    steady = [pair for pair in pairs if pair not in changing]
    named = ", ".join(f"{a}\u2060–\u2060{b}" for a, b in steady)  # not broken at the end of a line
    said = f"The same at every step: {named}." if steady else ""
    if len(changing) > ROWS_AT_MOST:
        said += f" Of {len(changing)} pairs whose link comes and goes the first {ROWS_AT_MOST} are drawn."
    if not pairs:
        said = "The topology has no links at any of these steps."
    said = f"<p>{said.strip()}</p>" if said else ""
    drawn = timeline(episode, changing[:ROWS_AT_MOST]) if changing else ""
    drawn += f'<p class="muted">{BARS}</p>' if changing else ""
    return [f'<section class="card"><h2>Links over the episode</h2>{said}{drawn}</section>']


def _explained(episode: Episode) -> str:
    """Return what is drawn, and what the network is."""
    if all(frame.links is None for frame in episode.frames):
        told = ["There is no network in this scenario: agents exchange nothing, and no links are drawn."]
    else:
        told = [
            "Trained agents act without messages, so that no message is drawn here. What is drawn is which links there"
            " are: at each step those of the topology at that simulated time, one control period after the step before."
            " A message sent at that instant gets through where a link is up, unless the link loses or delays it.",
            "A topology that is drawn anew for each episode, update or round is the one of this episode’s number.",
        ]
    if episode.frames[0].picture is None:
        told.append("This environment does not say where its agents are: they stand on a circle, the first at the top.")
    told += episode.notes
    lines = "".join(f"<li>{escape(line)}</li>" for line in episode.network)
    return (
        f'<section class="card"><h2>What is drawn</h2>{"".join(f"<p>{escape(each)}</p>" for each in told)}'
        f"{_legend() if episode.network else ''}{f'<ul>{lines}</ul>' if lines else ''}"
        "<p>Space plays and pauses, the arrow keys go a step back and forth.</p></section>"
    )


def _legend() -> str:
    kinds = {
        "up": "up",
        "cut": "cut by a fault",
        "absent": "absent now, there at another step",
    }
    items = [
        f'<li><svg viewBox="0 0 140 40" aria-hidden="true"><path class="{kind}" d="M10 20H130"/></svg>{said}</li>'
        for kind, said in kinds.items()
    ]
    arrow = '<path class="up" d="M10 20H126M106 8L126 20L106 32"/>'
    cross = '<path class="down" d="M55 5L85 35M85 5L55 35"/>'
    items += [
        f'<li><svg viewBox="0 0 140 40" aria-hidden="true">{drawn}</svg>{said}</li>'
        for drawn, said in ((arrow, "up in this direction alone"), (cross, "an agent that has crashed"))
    ]
    return f'<ul class="legend">{"".join(items)}</ul>'
