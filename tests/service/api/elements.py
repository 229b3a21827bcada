"""Pages read as a browser reads them."""

from __future__ import annotations

from html.parser import HTMLParser


class Loaded(HTMLParser):
    """What a page loads, and whether it holds a script itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline = False
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [value for name in ("src", "href") if (value := given.get(name))]
        self._script = tag == "script" and "src" not in given and given.get("type") != "application/json"
        self.inline = self.inline or self._script or any(name.startswith("on") for name in given)
