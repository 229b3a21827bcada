"""Scenes as SVG: a file of its own in the colours of a theme, or a part of a page that takes the page's colours."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import escape

from service.palette import Theme
from service.plots.scene import Area, Dot, Line, Mark, Place, Scene, Text
from service.report.texts import plain

FONTS = "DejaVu Sans, Verdana, system-ui, sans-serif"
LONGEST_WORDS = 2000  # of a description
RIM = 1.0  # of paper around a dot


def scene_svg(scene: Scene, theme: Theme) -> str:
    """A file: every colour is written out, and paper lies below."""
    size = f'width="{scene.width:g}" height="{scene.height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_view(scene)} role="img" font-family="{FONTS}">'
    paper = f'<rect {size} fill="{theme.mark("paper")}"/>'
    return f"{head}{_words(scene)}{paper}{''.join(_marks(scene, theme))}</svg>\n"


def inline_svg(scene: Scene) -> str:
    """A part of a page: colours are classes of `palette_css`; no style and no script, as a strict policy wants it."""
    return f'<svg class="picture" {_view(scene)} role="img">{_words(scene)}{"".join(_marks(scene, None))}</svg>'


def _view(scene: Scene) -> str:
    return f'viewBox="0 0 {scene.width:g} {scene.height:g}"'


def _words(scene: Scene) -> str:
    title, description = (escape(plain(text, LONGEST_WORDS)) for text in (scene.title, scene.description))
    return f"<title>{title}</title>" + (f"<desc>{description}</desc>" if description else "")


def _marks(scene: Scene, theme: Theme | None) -> Iterator[str]:
    for mark in scene.marks:
        hint = f"<title>{escape(plain(mark.hint, LONGEST_WORDS))}</title>" if mark.hint else ""
        yield from _mark(mark, theme, hint)


def _mark(mark: Mark, theme: Theme | None, hint: str) -> Iterator[str]:
    match mark:
        case Line():
            yield f'<path d="{"".join(map(_path, mark.paths))}"{_stroke(mark, theme)}{_end("path", hint)}'
        case Area():
            faded = f' opacity="{mark.opacity:g}"' if mark.opacity < 1 else ""
            yield f'<path d="{_path(mark.corners)}Z"{_fill(mark.colour, theme)}{faded}{_end("path", hint)}'
        case Dot():
            x, y = mark.place
            rim = _stroke(Line((), "paper", RIM), theme, fill=False)
            circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{mark.radius:g}"'
            yield f"{circle}{_fill(mark.colour, theme, rim=True)}{rim}{_end('circle', hint)}"
        case Text():
            yield _text(mark, theme, hint)


def _end(name: str, hint: str) -> str:
    return f">{hint}</{name}>" if hint else "/>"


def _path(places: tuple[Place, ...]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _fill(colour: str, theme: Theme | None, *, rim: bool = False) -> str:
    if theme is not None:
        return f' fill="{theme.mark(colour)}"'
    return f' class="fi-{colour}{" st-paper" if rim else ""}"'


def _stroke(line: Line, theme: Theme | None, *, fill: bool = True) -> str:
    text = ' fill="none"' if fill else ""
    if theme is not None:
        text += f' stroke="{theme.mark(line.colour)}"'
    elif fill:
        text += f' class="st-{line.colour}"'
    text += f' stroke-width="{line.width:g}"'
    text += f' stroke-dasharray="{line.dash[0]:g} {line.dash[1]:g}"' if line.dash else ""
    text += f' opacity="{line.opacity:g}"' if line.opacity < 1 else ""
    return text + (' stroke-linejoin="round"' if fill else "")


def _text(text: Text, theme: Theme | None, hint: str) -> str:
    x, y = text.place
    colour = f'class="wo-{text.colour}"' if theme is None else f'fill="{theme.word(text.colour)}"'
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    weight = ' font-weight="600"' if text.bold else ""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{text.size:g}"'
    return f"<text {place}{anchor}{weight} {colour}>{escape(plain(text.words))}{hint}</text>"
