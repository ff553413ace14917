"""The shell of every page: one file that needs no other, light or dark, readable on a phone.

Nothing is loaded from anywhere; the page's own policy forbids it. Styles and scripts lie in ``assets``.
"""

from html import escape
from importlib.resources import files

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"


def asset(name: str) -> str:
    """Return the text of a file in ``assets``."""
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def document(title: str, body: str, *, style: str = "", script: str = "") -> str:
    """Return a whole page.

    Args:
        title: plain text; the tab's, and the page's only first heading.
        body: HTML of what stands under the heading: ``<p>`` for a line beside it, ``<section class="card">`` for parts.
        style: CSS beside that of all pages, which gives the colours of both themes as variables: ``--paper``,
            ``--card``, ``--ink``, ``--muted``, ``--line``, ``--accent``, ``--warn``, ``--series-1`` to ``--series-8``.
        script: JavaScript, run when the page is there. A change of theme is a ``themechange`` event of the document.
    """
    return f"""<!doctype html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{asset("document.css")}{style}</style>
<script>
{asset("theme.js")}</script>
</head>
<body>
<header><h1>{escape(title)}</h1>
<button id="theme" type="button" aria-label="switch between light and dark">Dark</button></header>
<main>
{body}
</main>
<script>
{script}</script>
</body>
</html>
"""
