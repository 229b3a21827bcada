import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from models.options import UNDETERMINED, Shape
from models.results import Analysis, EmergenceNull
from service.number_format import NOTHING
from service.table import SIZED_ON, print_table
from service.table_row import TableRow, failed_row, table_row


def row(task: str, label: str = "positive", shape: Shape = Shape.POSITIVE, **cells: Any) -> TableRow:
    given: dict[str, Any] = {
        "setting": ("accuracy", "few-shot", "Family"),
        "turn": ("62B", "(11B - 230B)"),
        "emergence": ("5.2", "(> 1)"),
    }
    return TableRow(task=task, label=label, shape=shape, probability="0.97", **{**given, **cells})


def plain(rows: list[TableRow]) -> str:
    file = io.StringIO()
    print_table(rows, file)
    return file.getvalue()


def coloured(rows: list[TableRow], width: int) -> str:
    file = io.StringIO()
    print_table(rows, file, Console(file=file, width=width, force_terminal=True, color_system="standard"))
    return file.getvalue()


def without_colour(text: str) -> str:
    return Console(file=io.StringIO()).render_str("").from_ansi(text).plain


def test_a_row_says_label_turn_and_setting(u_shaped: Analysis) -> None:
    cells = table_row(u_shaped)
    assert (cells.task, cells.setting, cells.label) == ("valley", ("accuracy", "few-shot", "Example"), "u_shaped")
    assert cells.turn[0][-1] in "MB"
    assert cells.turn[1].startswith("(")
    assert cells.explanation is None
    assert table_row(u_shaped, explain=True).explanation == u_shaped.summary


def test_the_explanation_of_a_rise_holds_its_score_against_noise_alone(rising: Analysis) -> None:
    null = EmergenceNull(0.0002, 0.31)
    jump = replace(rising, emergence=replace(rising.emergence, null=null))
    told = table_row(jump, explain=True)
    assert told.explanation == (
        f"{rising.summary} Emergence score {told.emergence[0].rstrip(',')}: noise alone gives as much around a "
        "constant curve with p < 0.001, around a gradual one with p = 0.31."
    )
    none = EmergenceNull(None, None, reason="zero_range")
    unknown = replace(rising, emergence=replace(rising.emergence, null=none))
    assert table_row(unknown, explain=True).explanation == rising.summary


def test_a_jump_without_a_score_is_held_against_noise_by_its_largest_step(rising: Analysis) -> None:
    found = rising.emergence
    without = replace(found.score, observed=None)
    null = EmergenceNull(0.02, 0.4, statistic="largest_step_share")
    jump = replace(rising, emergence=replace(found, score=without, null=null, largest_step_share=0.85))
    explanation = table_row(jump, explain=True).explanation or ""
    assert explanation.endswith(
        "Largest step 0.85 of the range: noise alone gives as much around a constant curve with p = 0.02, around a "
        "gradual one with p = 0.4."
    )


def test_a_curve_without_a_likely_turn_shows_none(rising: Analysis) -> None:
    assert table_row(rising).turn == ("-", "")


def test_two_scales_show_no_turn(u_shaped: Analysis) -> None:
    ends = (u_shaped.curve.points[0], u_shaped.curve.points[-1])
    two = replace(u_shaped, curve=replace(u_shaped.curve, points=ends))
    assert table_row(u_shaped).turn[0] != NOTHING
    assert table_row(two).turn == (NOTHING, "")


@pytest.mark.parametrize(("shape", "name"), [(Shape.U_SHAPED, "U"), (Shape.INVERTED_U, "inverted U")])
def test_the_turn_of_a_shape_that_is_not_the_most_probable_stands_under_its_condition(
    u_shaped: Analysis, shape: Shape, name: str
) -> None:
    turn, none = replace(u_shaped.u_turn, probability=0.26), replace(u_shaped.u_turn, probability=0.01)
    u, inverted = (turn, none) if shape is Shape.U_SHAPED else (none, turn)
    rival = replace(u_shaped, u_turn=u, inverted_u_turn=inverted)
    cells = {
        best: table_row(replace(rival, classification=replace(u_shaped.classification, most_probable=best)))
        for best in (Shape.POSITIVE, shape)
    }
    place = " ".join(table_row(u_shaped).turn)
    assert " ".join(cells[shape].turn) == place
    assert " ".join(cells[Shape.POSITIVE].turn) == f"if {name} 0.26: {place}"
    assert f"if {name} 0.26: {place}" in plain([cells[Shape.POSITIVE]])


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_table_fits_the_terminal_and_shows_all_that_matters(width: int) -> None:
    rows = [
        row("3-digit addition"),
        row("anli", UNDETERMINED, Shape.FLAT),
        failed_row({"task": "bad"}, "row 3", "no score"),
    ]
    text = without_colour(coloured(rows, width))
    assert max(map(len, text.splitlines())) <= width
    for words in ("3-digit addition", "positive", "62B", "11B - 230B", "undetermined", "flat", "failed:", "no score"):
        assert words in text
    assert "3 curves: 1 positive, 1 undetermined, 1 failed" in text


@pytest.mark.parametrize("width", [40, 60, 75, 80, 100])
def test_a_narrow_terminal_goes_without_columns_and_says_so(width: int) -> None:
    rows = [row("a task whose name is long", warnings=("engine_unreliable", "few_scales")) for _ in range(3)]
    lines = without_colour(coloured(rows, width)).splitlines()
    assert max(map(len, lines)) <= width
    head = lines[next(i for i, line in enumerate(lines) if "label" in line)]
    told = " ".join(lines).partition("too narrow for: ")[2].partition(".")[0]
    for name in ("task", "label", "prob.", "turn", "emergence", "emergent?", "warnings"):
        assert (name in head.split()) != (name in told.replace(",", " ").split()), name
    assert all(word in " ".join(lines).split() for word in ("positive", "0.97"))


def test_what_all_curves_share_is_said_once() -> None:
    text = plain([row("a"), row("b", setting=("accuracy", "zero-shot", "Family"))])
    assert text.count("Family") == 1
    assert text.startswith("metric accuracy, model family Family\n")
    assert "a     few-shot" in text
    assert "b     zero-shot" in text


def test_a_single_curve_keeps_its_setting() -> None:
    assert "accuracy, few-shot, Family" in plain([row("a")])


def test_rows_that_only_tags_tell_apart_show_them() -> None:
    tags = [(("source", "x"), ("task_version", version)) for version in "12"]
    text = plain([row("a", tags=tags[0]), row("a", tags=tags[1]), row("b", tags=tags[1])])
    assert "a     task_version 1" in text
    assert "a     task_version 2" in text
    assert "source" not in text
    assert text.count("task_version") == 2


def test_warnings_have_short_codes_and_a_counted_legend() -> None:
    text = plain([row("a", warnings=("prior_dominated", "of_tomorrow")), row("b", warnings=("prior_dominated",))])
    assert "few of_tomorrow" in text
    assert "  few: four scales or fewer: the priors decide as much as the scores (2)\n" in text
    assert "  of_tomorrow: of tomorrow (1)\n" in text


def test_rows_beyond_those_that_set_the_widths_are_printed_whole() -> None:
    rows = [*(row(f"task {i}") for i in range(SIZED_ON)), row("a much longer name than any before it"), row("last")]
    lines = plain(rows).splitlines()
    assert any("a much longer name than any before it" in line for line in lines)
    assert f"{SIZED_ON + 2} curves: {SIZED_ON + 2} positive" in lines


def test_rows_come_out_while_later_ones_are_still_computed() -> None:
    file = io.StringIO()
    seen: list[int] = []

    def rows() -> Iterator[TableRow]:
        for number in range(SIZED_ON + 50):
            seen.append(file.getvalue().count("\n"))
            yield row(f"task {number}")

    print_table(rows(), file)
    assert seen[SIZED_ON - 1] == 0
    assert seen[-1] >= SIZED_ON


def test_names_cannot_steer_the_terminal_or_break_the_table() -> None:
    hostile = row("evil\x1b[2J\nname [bold]x[/bold]")
    assert "evil [2J name [bold]x[/bold]" in plain([hostile])
    text = coloured([hostile, failed_row({"task": "[red]t[/red]\x1b[2J"}, "", "\x1b[2J[/x]")], 200)
    assert "\x1b[2J" not in text
    assert "[bold]x[/bold]" in without_colour(text)


def test_a_very_long_name_is_cut_on_a_terminal_and_nowhere_else() -> None:
    assert "a" * 1000 in plain([row("a" * 1000), row("b")])
    assert "a" * 80 not in without_colour(coloured([row("a" * 1000)], 200))
