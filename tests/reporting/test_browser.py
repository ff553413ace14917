"""The page in a real browser: nothing fails, every figure is drawn, every switch and button works, on any screen."""

import itertools
import time
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from browser import PICTURE, alike, show, wait
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from sweep_parts import SWEEP, InProcess, write_sweep

from dvdn_sim.reporting import report
from dvdn_sim.sweeps import load_cells, run_sweep

TRACES = "return document.querySelectorAll(`#${arguments[0]} .plot .main-svg`).length"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report of a small sweep: its figures, and its page as an address."""
    folder = tmp_path_factory.mktemp("page")
    sweep, cells = load_cells(write_sweep(folder / "file", SWEEP))
    run_sweep(sweep, cells, InProcess(), folder / "sweep", device="cpu")
    made = report([folder / "sweep"])
    made.write(folder / "out")
    return made.figures, (folder / "out" / "page.html").as_uri()


def test_nothing_fails_and_every_figure_is_drawn(opened, page):
    figures, _ = page
    assert len(figures) >= 10
    for figure in figures:
        assert opened.execute_script(TRACES, figure.id) > 0, figure.id
        plot = opened.find_element(By.CSS_SELECTOR, f"#{figure.id} .plot")
        assert plot.get_attribute("role") == "img"
        assert plot.get_attribute("aria-label") == figure.alt
    assert opened.get_log("browser") == []
    assert opened.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_every_option_of_every_switch_is_drawn(opened, page):
    """A picture, or a word that there is none; another picture wherever there is another view."""
    for figure in page[0]:
        for number, switch in enumerate(figure.choices):
            seen = []
            for option in switch.options:
                Select(opened.find_elements(By.CSS_SELECTOR, f"#{figure.id} select")[number]).select_by_value(option)
                state = tuple(
                    Select(each).first_selected_option.get_attribute("value")
                    for each in opened.find_elements(By.CSS_SELECTOR, f"#{figure.id} select")
                )
                view = figure.views.get(state)
                assert opened.find_element(By.CSS_SELECTOR, f"#{figure.id} .nothing").is_displayed() == (view is None)
                if view is not None:
                    seen.append((view, opened.execute_script(PICTURE, figure.id)))
            for (view, picture), (other, another) in itertools.combinations(seen, 2):
                assert alike(picture, another) == (drawn(view) == drawn(other)), (figure.id, switch.name)
            Select(opened.find_elements(By.CSS_SELECTOR, f"#{figure.id} select")[number]).select_by_index(0)
    assert opened.get_log("browser") == []


def drawn(view):
    """A view without what only whoever points at it."""
    return [shown(trace) for trace in view.traces], view.layout


def shown(trace):
    if "texttemplate" in trace or "text" in trace.get("mode", ""):
        return trace
    return {name: value for name, value in trace.items() if name not in {"text", "hovertemplate"}}


def test_saved_files_are_what_they_say(opened, page, tmp_path):
    place = {"behavior": "allow", "downloadPath": str(tmp_path)}
    opened.execute_cdp_cmd("Browser.setDownloadBehavior", place)
    for number, figure in enumerate(page[0]):
        if number % 5 == 0:
            time.sleep(1.1)  # of more than ten files within a second of each other Chromium drops the eleventh
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
    for figure in page[0]:
        details = opened.find_element(By.CSS_SELECTOR, f"#{figure.id} details.numbers")
        opened.execute_script("arguments[0].open = true", details)
        wait(lambda details=details: details.find_elements(By.CSS_SELECTOR, "tbody tr"))
        head = [each.get_attribute("textContent") for each in details.find_elements(By.CSS_SELECTOR, "thead th")]
        assert head == figure.table.columns
        assert len(details.find_elements(By.CSS_SELECTOR, "tbody tr")) == min(figure.table.height, 500)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_lines_can_be_told_from_what_is_behind_them(browser, page, theme):
    """WCAG 2.1: contrast of 4.5 for text, of 3 for graphics."""
    figures, address = page
    show(browser, address, len(figures), theme=theme)
    assert browser.execute_script("return document.documentElement.dataset.theme") == theme
    names = ["paper", "card", "ink", "muted", "accent", "warn", *(f"series-{n}" for n in range(1, 9))]
    script = (
        "return arguments[0].map((n) => getComputedStyle(document.documentElement).getPropertyValue(`--${n}`).trim())"
    )
    colour = dict(zip(names, browser.execute_script(script, names), strict=True))
    for behind in ("paper", "card"):
        for text in ("ink", "muted", "accent", "warn"):
            assert contrast(colour[text], colour[behind]) >= 4.5, (text, behind)
    assert all(contrast(colour[f"series-{n}"], colour["card"]) >= 3.0 for n in range(1, 9))


def contrast(colour, behind):
    lights = sorted(luminance(each) + 0.05 for each in (colour, behind))
    return lights[1] / lights[0]


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_theme_can_be_chosen(opened, page):
    first = page[0][0].id
    before = opened.execute_script(PICTURE, first)
    opened.find_element(By.ID, "theme").click()
    wait(lambda: not alike(opened.execute_script(PICTURE, first), before))
    assert opened.execute_script("return document.documentElement.dataset.theme") == "dark"


def test_a_phone_shows_all_of_it(browser, page):
    figures, address = page
    show(browser, address, len(figures), width=360)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    assert browser.get_log("browser") == []


def test_the_keyboard_reaches_everything_that_can_be_changed(opened):
    wanted = opened.execute_script(
        "return document.querySelectorAll('main button, main select, main summary, #theme').length"
    )
    reached = set()
    for _ in range(4 * wanted):
        opened.switch_to.active_element.send_keys(Keys.TAB)
        element = opened.switch_to.active_element
        if element.tag_name in {"button", "select", "summary"}:
            reached.add(element.id)
        if len(reached) == wanted:
            break
    assert len(reached) == wanted


def test_headings_are_in_order(opened):
    levels = [int(each.tag_name[1]) for each in opened.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
