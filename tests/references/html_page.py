"""What is in a page: elements with their attributes and what lies above them, scripts, and the text that is read."""

from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "br", "input", "img", "hr"}


class HtmlPage(HTMLParser):
    """A page whose elements are closed in the right order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.above: list[tuple[str, Any]] = []
        self.elements: list[tuple[str, dict[str, Any], list[tuple[str, Any]]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.above == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.above.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs), list(self.above)))

    def handle_endtag(self, tag: str) -> None:
        assert self.above.pop()[0] == tag, (tag, self.getpos())  # what was opened last is closed first

    def handle_data(self, data: str) -> None:
        above = {tag for tag, _ in self.above}
        if "script" in above:
            self.scripts[-1] += data
        elif "style" not in above:
            self.words.append(data)

    def values(self, *names: str) -> list[str]:
        """Return the values of attributes of these names."""
        return [attrs[name] for _, attrs, _ in self.elements for name in names if name in attrs]

    def script(self, name: str) -> str:
        """Return the script of an id."""
        scripts = [attrs for tag, attrs, _ in self.elements if tag == "script"]
        (found,) = [text for attrs, text in zip(scripts, self.scripts, strict=True) if attrs.get("id") == name]
        return found
