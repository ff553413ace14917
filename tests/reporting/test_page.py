"""The page in a real browser: every figure is drawn, every choice and button works, nothing is cut or covered."""

import itertools
import json
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest
from browser import PICTURE, alike, screen, show, system_theme, wait
from report_folders import packets, write_sweep
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from dvdn_sim.reporting import report

POLICIES = ["zero_fill", "renormalise_late", "hold_last, three times", *(f"policy_{n}" for n in range(4))]
LOSSES = ["0%", "20%"]

TRACES = "return document.querySelectorAll(`#${arguments[0]} .plot .main-svg`).length"
NUMBERS = """const all = (what) => [...arguments[0].querySelectorAll(what)].map((each) => each.textContent);
return [all("thead th"), all("tbody tr td:first-child"), all("tbody tr").length]"""
CUT = """const cut = [];
for (const plot of document.querySelectorAll(".plot:not([hidden])")) {
  const frame = plot.getBoundingClientRect();
  for (const text of plot.querySelectorAll("svg text")) {
    const box = text.getBoundingClientRect();
    if (box.width && (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
        || box.bottom > frame.bottom + 1)) cut.push([plot.closest("section").id, text.textContent]);
  }
}
return cut"""
COVERED = """const covered = [];
const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
  && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
for (const plot of document.querySelectorAll(".plot:not([hidden])")) {
  const parts = [...plot.querySelectorAll("g.legend, .xtitle, .ytitle, .xtick text, .ytick text")]
    .map((each) => [each, each.getBoundingClientRect()]).filter(([, box]) => box.width);
  parts.forEach(([one, box], at) => parts.slice(at + 1).forEach(([other, its]) => {
    if (overlap(box, its)) covered.push([plot.closest("section").id, one.textContent, other.textContent]);
  }));
}
return covered"""
FAINT = """
for (const details of document.querySelectorAll("details")) details.open = true;
const parts = (colour) => {
  const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
  return { rgb: [r, g, b], a };
};
const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const found = parts(getComputedStyle(at).backgroundColor);
    if (found.a === 1) return found.rgb;
  }
};
const faint = [];
let seen = 0;
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const element = walk.currentNode.parentElement, style = getComputedStyle(element);
  // What a heat map's cells say is plotly's choice for each cell's colour.
  if (!walk.currentNode.textContent.trim() || element.closest("script, noscript, .heatmap-label")
      || !element.getClientRects().length) continue;
  const ink = parts(element instanceof SVGElement ? style.fill : style.color);
  const [high, low] = [light(ink.rgb), light(behind(element))].sort((a, b) => b - a);
  seen += 1;
  if (ink.a < 1 || (high + 0.05) / (low + 0.05) < 4.5) faint.push([walk.currentNode.textContent, style.fill]);
}
return [seen, faint]"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report of seven policies with names as long as they come, one of which never finished: figures and address."""
    folder = tmp_path_factory.mktemp("page")
    made = report(
        [write_sweep(folder / "s", {"policy": POLICIES, "loss": LOSSES}, cells(), compare=("policy", POLICIES[0]))]
    )
    (path,) = made.write(folder / "page.html")
    return made.figures, path.as_uri()


def cells():
    rng = np.random.default_rng(4)
    found = {(policy, loss): cell(rng) for policy in POLICIES for loss in LOSSES}
    for loss in LOSSES:
        found[POLICIES[-1], loss] = "failed: the disk was full"
    return found


def cell(rng):
    draws = rng.random((2, 3))
    rows = [
        {"seed": seed, "kind": "td", "update": u, "env_steps": 100 * u, "a_eff": a_eff, "jtd_relative_error": error / u,
         "sent": 8, "held": 4 + u, "lost": 4 - u, "bytes": 400,
         "round_time_s": [0.01 * error, 0.03], "deadline_s": 0.05}
        for seed, (a_eff, error, _) in enumerate(draws) for u in (1, 2, 3)
    ]  # fmt: skip
    train = [
        {"seed": seed, "env_steps": 100 * u, "disagreement": error, "tracker_imbalance": u * error,
         "tracked_gradient": 8.0}
        for seed, (_, error, _) in enumerate(draws) for u in (1, 2, 3)
    ]  # fmt: skip
    returns = {seed: [0.0, score / 2, score, score] for seed, (*_, score) in enumerate(draws)}
    links = [packets(0, 0, 1, 9, 6), packets(0, 1, 2, 30, 29)]
    signs = [{"name": "unbalanced", "seed": 1, "env_steps": 300, "message": "seen", "cause": "loss"}]
    return {
        "returns": returns, "exchanges": rows, "train": train, "packets": links, "random": 0.1, "signs": signs,
    }  # fmt: skip


def select(browser, figure, number):
    return Select(browser.find_elements(By.CSS_SELECTOR, f"#{figure.id} select")[number])


def test_it_is_drawn_from_itself_alone(browser, page):
    """It asks for nothing, not even what its own policy would have stopped; nothing fails; headings are in order."""
    figures, address = page
    browser.get("about:blank")
    browser.get_log("performance")
    show(browser, address, len(figures))
    said = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [each["params"]["request"]["url"] for each in said if each["method"] == "Network.requestWillBeSent"]
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {address}
    assert len(figures) >= 10
    for figure in figures:
        assert browser.execute_script(TRACES, figure.id) > 0, figure.id
        plot = browser.find_element(By.CSS_SELECTOR, f"#{figure.id} .plot")
        assert (plot.get_attribute("role"), plot.get_attribute("aria-label")) == ("img", figure.alt)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    levels = [int(each.tag_name[1]) for each in browser.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_everything_can_be_seen_on_a_screen_and_on_a_phone(browser, page):
    """Nothing is cut or covered, and figures are drawn anew for another width, and for no other height.

    WCAG 2.1: contrasts of 4.5 for texts, those in figures too, and of 3 for graphics.
    """
    figures, address = page
    show(browser, address, len(figures))
    everything_is_seen(browser, 1200, "light")
    count = """window.draws = 0;
      for (const plot of document.querySelectorAll(".plot"))
        plot.on("plotly_afterplot", () => { window.draws += 1; })"""
    browser.execute_script(count)
    browser.execute_script("for (const details of document.querySelectorAll('details')) details.open = false")
    screen(browser, 1200, 700)
    browser.execute_async_script("setTimeout(arguments[0], 400)")
    assert browser.execute_script("return window.draws") == 0
    system_theme(browser, "dark")
    screen(browser, 360)
    wait(lambda: browser.execute_script(
        "return [...document.querySelectorAll('.plot .main-svg')].every((e) => e.getBoundingClientRect().width <= 360)"
    ))  # fmt: skip
    everything_is_seen(browser, 360, "dark")


def everything_is_seen(browser, width, theme):
    assert browser.execute_script("return document.documentElement.dataset.theme") == theme
    assert browser.execute_script(CUT) == []
    assert browser.execute_script(COVERED) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    script = "return arguments[0].map((n) => getComputedStyle(document.documentElement).getPropertyValue(n).trim())"
    card, *lines = browser.execute_script(script, ["--card", *(f"--series-{n}" for n in range(1, 9))])
    assert all(contrast(colour, card) >= 3.0 for colour in lines)
    seen, faint = browser.execute_script(FAINT)
    assert (seen > 300, faint) == (True, [])


def contrast(colour, behind):
    lights = sorted(luminance(each) + 0.05 for each in (colour, behind))
    return lights[1] / lights[0]


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_another_choice_is_another_picture(opened, page):
    """Where there is another view; and the first choice again is the first picture again."""
    tried = 0
    for figure in page[0]:
        first, chosen = opened.execute_script(PICTURE, figure.id), next(figure.states())
        for number, switch in enumerate(figure.choices):
            for option in list(switch.options)[1:3]:
                select(opened, figure, number).select_by_value(option)
                view = figure.views.get((*chosen[:number], option, *chosen[number + 1 :]))
                nothing = opened.find_element(By.CSS_SELECTOR, f"#{figure.id} .nothing").is_displayed()
                assert nothing == (view is None)
                same = alike(opened.execute_script(PICTURE, figure.id), first)
                assert nothing or same == (view == figure.views[chosen]), (figure.id, option)
                tried += not same
            select(opened, figure, number).select_by_index(0)
            assert alike(opened.execute_script(PICTURE, figure.id), first), figure.id
    assert tried > 10


def test_saved_files_are_what_they_say(opened, page, tmp_path):
    place = {"behavior": "allow", "downloadPath": str(tmp_path)}
    opened.execute_cdp_cmd("Browser.setDownloadBehavior", place)
    for figure in page[0][::3]:  # of more than ten files within a second of each other Chromium drops the eleventh
        for kind in ("svg", "csv"):
            button = opened.find_element(By.CSS_SELECTOR, f"#{figure.id} [data-save={kind}]")
            opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
            button.click()
            file = tmp_path / f"{figure.id}.{kind}"
            wait(file.exists)
        assert ET.parse(tmp_path / f"{figure.id}.svg").getroot().tag.endswith("svg")  # noqa: S314 (our own)
        assert (tmp_path / f"{figure.id}.csv").read_text(encoding="utf-8") == figure.table.write_csv()
        assert pl.read_csv(tmp_path / f"{figure.id}.csv").height == figure.table.height


def test_numbers_are_shown_as_a_table(opened, page):
    """By the keyboard, too."""
    for number, figure in enumerate(page[0]):
        details = opened.find_element(By.CSS_SELECTOR, f"#{figure.id} details.numbers")
        if number == 0:
            details.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
        else:
            opened.execute_script("arguments[0].open = true", details)
        wait(lambda details=details: details.find_elements(By.CSS_SELECTOR, "tbody tr"))
        head, first, rows = opened.execute_script(NUMBERS, details)
        assert (head, rows) == (figure.table.columns, min(figure.table.height, 500))
        assert number or first == figure.table["policy"].to_list()


def test_the_keyboard_reaches_everything_that_can_be_changed(browser, page):
    """The theme, too, which is the system's until a reader chooses."""
    figures, address = page
    show(browser, address, len(figures))
    colours = f"""return [getComputedStyle(document.body).backgroundColor,
      getComputedStyle(document.querySelector("#{figures[0].id} .plot text")).fill]"""
    light = browser.execute_script(colours)
    system_theme(browser, "dark")
    wait(lambda: all(a != b for a, b in zip(browser.execute_script(colours), light, strict=True)))
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    focus = "const at = document.activeElement; return [at.id, getComputedStyle(at).outlineStyle]"
    assert browser.execute_script(focus) == ["theme", "solid"]  # where it is can be seen
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    wait(lambda: browser.execute_script(colours) == light)
    system_theme(browser, "light")
    system_theme(browser, "dark")
    assert browser.execute_script(colours) == light
    wanted = browser.execute_script("""window.reached = new Set([document.activeElement]);
      document.addEventListener("focusin", (event) => window.reached.add(event.target));
      return document.querySelectorAll('main button, main select, main summary').length""")
    browser.switch_to.active_element.send_keys(Keys.TAB * (wanted + 20))
    missed = """return [...document.querySelectorAll('main button, main select, main summary')].filter(
      (each) => !window.reached.has(each)).map((each) => each.outerHTML)"""
    assert (wanted > 20, browser.execute_script(missed)) == (True, [])
