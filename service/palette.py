"""One palette for all pictures and pages: Okabe and Ito's colours, which stay apart for colour-blind readers.

A colour is asked for by its token: the value of a shape, `undetermined`, `failed`, or a part of the drawing. Every
token has a shade for marks and one for words; words reach a contrast of 4.5 on paper (WCAG 2.2, criterion 1.4.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from models.options import UNDETERMINED, Shape

ThemeName = Literal["light", "dark"]
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of marks and of words by token; words without a shade of their own have that of the marks."""

    name: ThemeName
    marks: Mapping[str, str]
    words: Mapping[str, str]

    def mark(self, token: str) -> str:
        """Colour of a line, an area or a dot."""
        return self.marks[token]

    def word(self, token: str) -> str:
        """Colour of a text."""
        return self.words.get(token, self.marks[token])


# Okabe and Ito 2008 (jfly.uni-koeln.de/color): bluish green, vermillion, blue, reddish purple; grey for flat.
LIGHT = Theme(
    "light",
    MappingProxyType(
        {
            Shape.POSITIVE.value: "#009E73",
            Shape.INVERSE.value: "#D55E00",
            Shape.U_SHAPED.value: "#0072B2",
            Shape.INVERTED_U.value: "#CC79A7",
            Shape.FLAT.value: "#7A7A7A",
            UNDETERMINED: "#444444",
            FAILED: "#222222",
            "ink": "#222222",
            "faint": "#6B6B6B",
            "grid": "#E4E4E4",
            "axis": "#8A8A8A",
            "paper": "#FFFFFF",
            "wash": "#F6F7F8",
        }
    ),
    MappingProxyType(
        {
            Shape.POSITIVE.value: "#007A58",
            Shape.INVERSE.value: "#B34F00",
            Shape.U_SHAPED.value: "#0072B2",
            Shape.INVERTED_U.value: "#A94E80",
            Shape.FLAT.value: "#666666",
        }
    ),
)
# The same hues, lightened until they stand out from a dark page; blue becomes Okabe and Ito's sky blue.
DARK = Theme(
    "dark",
    MappingProxyType(
        {
            Shape.POSITIVE.value: "#2BBF93",
            Shape.INVERSE.value: "#F07C33",
            Shape.U_SHAPED.value: "#56B4E9",
            Shape.INVERTED_U.value: "#E39BC5",
            Shape.FLAT.value: "#A3A3A3",
            UNDETERMINED: "#C9CCD1",
            FAILED: "#E6E8EB",
            "ink": "#E6E8EB",
            "faint": "#A3A9B2",
            "grid": "#2C323A",
            "axis": "#6F7782",
            "paper": "#14181D",
            "wash": "#1C2127",
        }
    ),
    MappingProxyType({}),
)
THEMES: Mapping[str, Theme] = MappingProxyType({"light": LIGHT, "dark": DARK})
# Curves drawn together, told apart by dashes too: the colours of the shapes would say what they do not mean.
SERIES = ("u_shaped", "inverse", "positive", "inverted_u", "ink", "flat")


def palette_css(*, dark: bool = True) -> str:
    """The colours as custom properties, and the classes of inline pictures; with `dark` the reader's system decides.

    `--positive` is the colour of marks, `--positive-words` that of words; `fi-`, `st-` and `wo-` fill, stroke, write.
    """
    rules = [f":root{{{_properties(LIGHT)}}}"]
    if dark:
        rules.append(f"@media (prefers-color-scheme:dark){{:root{{{_properties(DARK)}}}}}")
    for token in LIGHT.marks:
        rules.append(f".fi-{token}{{fill:var(--{token})}}.st-{token}{{stroke:var(--{token})}}")
        rules.append(f".wo-{token}{{fill:var(--{token}-words)}}")
    return "\n".join(rules) + "\n"


def _properties(theme: Theme) -> str:
    both = (f"--{token}:{colour};--{token}-words:{theme.word(token)}" for token, colour in theme.marks.items())
    return ";".join(both)
