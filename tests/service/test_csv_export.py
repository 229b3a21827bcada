import csv
import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from models.results import Analysis, Interval
from service.csv_export import COLUMNS, analysis_line, failure_line, header_line


def read(*lines: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(header_line() + "".join(lines))))


def test_a_row_holds_the_numbers_of_the_analysis_with_all_digits(u_shaped: Analysis) -> None:
    (cells,) = read(analysis_line(3, u_shaped))
    assert (cells["index"], cells["task"], cells["label"]) == ("3", "valley", "u_shaped")
    assert float(cells["probability_u_shaped"]) == u_shaped.classification.probability
    assert float(cells["u_turn_lower"]) == u_shaped.u_turn.scale.lower
    assert float(cells["net_change_estimate"]) == u_shaped.effects.net_change.estimate
    assert cells["summary"] == u_shaped.summary
    assert cells["robust"] in ("true", "false")


def test_what_is_undefined_is_an_empty_cell(rising: Analysis) -> None:
    absent = replace(rising.u_turn, scale=Interval(None, None, None, "probability_too_small"))
    (cells,) = read(analysis_line(0, replace(rising, u_turn=absent)))
    assert cells["u_turn_estimate"] == ""
    assert not {"nan", "inf", "None"} & set(cells.values())


def test_every_column_of_an_analysis_is_filled_or_known_to_be_optional(u_shaped: Analysis) -> None:
    (cells,) = read(analysis_line(0, u_shaped))
    optional = {
        "suite",
        "reasons",
        "warnings",
        "error",
        *(name for name in COLUMNS if name.startswith("inverted_u_turn")),
    }
    optional |= {name for name in COLUMNS if name.startswith("emergence_score")}
    assert {name for name, cell in cells.items() if not cell} <= optional


@given(st.text(), st.text())
def test_no_cell_can_be_run_as_a_formula_and_names_survive(task: str, message: str) -> None:
    line = failure_line(0, {"task": task}, message)
    (_, cells) = csv.reader(io.StringIO(header_line() + line, newline=""))
    assert len(cells) == len(COLUMNS)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    found = cells[COLUMNS.index("task")]
    assert found in (task, f"'{task}")
