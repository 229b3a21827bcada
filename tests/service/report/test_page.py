"""The page as a whole: complete, self-contained, safe, and made within bounds."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from models.results import Analysis, Interval
from models.suite_effects import PooledEffect
from models.suite_summary import SuiteSummary
from service.report.collection import MOST_PICTURES, collecting
from service.report.entries import report_curve, report_failure
from service.report.interest import INTEREST_WORDS
from service.report.page import report_html
from tests.service.report.pages import ABOUT, page, renamed

VOID = {"meta", "br", "link", "img", "hr"}
EVIL = "<script>alert(1)</script>\"'&{{7*7}}"
FORMULA = "=cmd|' /C calc'!A0"


class Reader(HTMLParser):
    """Checks that every tag is closed by its own end, and collects attributes, ids and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.cells: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if (self.open and "td" in self.open) or "th" in self.open:
            self.cells[-1] += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def values(reader: Reader, name: str) -> list[str]:
    return [value for _, attribute, value in reader.attributes if attribute == name]


def test_a_report_has_every_part(suite: list[Analysis], summed_up: SuiteSummary) -> None:
    reader = read(page(suite, summed_up))
    parts = {"summary", "map", "prevalence", "errors", "turns", "changes", "pictures", "methods", "provenance", "table"}
    assert parts <= set(values(reader, "id"))
    text = " ".join(reader.text)
    assert "12 scaling curves of 12 tasks" in text
    assert "12 curves got a label: 7 positive and 5 U-shaped." in text
    assert INTEREST_WORDS in text
    assert "Left out: a file (1): notes.txt" in text


def test_what_is_left_out_of_pooled_figures_is_told(suite: list[Analysis], summed_up: SuiteSummary) -> None:
    effects = tuple(replace(effect, n_left_out=2) for effect in summed_up.effects)
    turn = replace(summed_up.u_turn_uncensored, n_left_out=3)
    text = page(suite, replace(summed_up, effects=effects, u_turn_uncensored=turn))
    assert "net change, all curves: 2 curves in another unit left out." in text
    assert "U-shaped: 3 curves on another kind of scale left out." in text
    assert "left out." not in page(suite, summed_up)


def test_changes_in_the_metrics_own_unit_have_its_digits_and_are_not_called_points(
    suite: list[Analysis], summed_up: SuiteSummary
) -> None:
    def small(found: Interval) -> Interval:
        middle, lower, upper = (
            None if end is None else end / 1000 for end in (found.estimate, found.lower, found.upper)
        )
        return replace(found, estimate=middle, lower=lower, upper=upper)

    def in_nats(effect: PooledEffect) -> PooledEffect:
        pooled = effect.pooled
        less = replace(pooled, estimate=small(pooled.estimate), prediction=small(pooled.prediction))
        return replace(effect, unit="nats", pooled=less)

    points = " ".join(read(page(suite, summed_up)).text)
    assert "in points of 100 of the metric's range" in points
    losses = replace(summed_up, effects=tuple(map(in_nats, summed_up.effects)))
    words = " ".join(read(page(suite, losses)).text)
    assert "in the metric's unit" in words
    assert "points of 100 of the metric's range" not in words
    middle = losses.effects[0].pooled.estimate.estimate
    assert middle is not None
    (shown,) = re.findall(r"[+\N{MINUS SIGN}]?(0\.\d+) nats", words)[:1]
    assert float(shown) == pytest.approx(abs(middle), rel=0.1)
    one = replace(summed_up, effects=(in_nats(summed_up.effects[0]), *summed_up.effects[1:]))
    assert "in points where it says so" in " ".join(read(page(suite, one)).text)


def test_links_lead_to_places_on_the_page(suite: list[Analysis], summed_up: SuiteSummary) -> None:
    for text in (page(suite, summed_up), page(suite[:1])):
        reader = read(text)
        links = values(reader, "href")
        assert links
        assert {link.removeprefix("#") for link in links} <= set(values(reader, "id"))
        assert all(link.startswith("#") for link in links)
        assert len(values(reader, "id")) == len(set(values(reader, "id")))


def test_nothing_comes_from_elsewhere_and_nothing_runs(suite: list[Analysis], summed_up: SuiteSummary) -> None:
    text = page([renamed(suite[0], EVIL), *suite[1:]], summed_up)
    reader = read(text)
    assert not reader.tags & {"script", "link", "iframe", "object", "img", "form"}
    assert not [name for _, name, _ in reader.attributes if name.startswith("on") or name == "src"]
    addresses = set(re.findall(r"https?://[^\s'\"<>)]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of a format, never fetched
    assert not re.search(r"url\((?!\"data:)|@import", text)


@pytest.mark.parametrize("field", ["task", "prompting", "model_family"])
def test_names_are_text_wherever_they_stand(suite: list[Analysis], field: str) -> None:
    curves = list(suite)
    for place, one in enumerate(suite):
        names = {"task": one.curve.task, "prompting": "few-shot", "model_family": "Example"}
        names[field] = f"{EVIL}{place % 2}"
        task, prompting, family = names.values()
        curve = replace(one.curve, task=task, prompting=prompting, model_family=family)
        curves[place] = replace(one, curve=curve)
    text = page(curves)
    assert "<script" not in text
    reader = read(text)
    assert "script" not in reader.tags
    assert f"{EVIL}0" in " ".join(reader.text)


def test_no_cell_is_a_formula(suite: list[Analysis]) -> None:
    failure = report_failure(2, {"task": "@SUM(A1)", "metric": FORMULA}, "row 3", f"{FORMULA}\n<b>bold</b>")
    reader = read(page([renamed(suite[0], FORMULA, "+1+1"), renamed(suite[1], "-2+3"), failure]))
    assert not [cell for cell in reader.cells if cell.strip().startswith(("=", "@"))]
    starts = [cell.strip() for cell in reader.cells if cell.strip().startswith(("+", "-"))]
    assert all(re.fullmatch(r"-|[+][\d.]+( points)?|[+][\d.]+ [(].*[)]", cell) for cell in starts)
    assert any(cell.strip() == f"'{FORMULA}" for cell in reader.cells)
    assert "<b>bold" not in page([failure])


def test_a_failure_stands_in_the_table_with_its_reason(suite: list[Analysis], summed_up: SuiteSummary) -> None:
    failure = report_failure(12, {"task": "bad"}, "row 3", "score 1.2 is above 1")
    text = " ".join(read(page([*suite, failure], summed_up)).text)
    assert "failed: score 1.2 is above 1" in text
    assert "1 could not be analysed" in text


def test_failures_alone_make_a_report() -> None:
    text = " ".join(read(page([report_failure(0, {}, "row 3", "no score")])).text)
    assert "No curve got a label." in text
    assert "failed: no score" in text


def test_no_curve_at_all_makes_a_page() -> None:
    assert "0 scaling curves" in " ".join(read(page([])).text)


def test_one_curve_has_no_suite(rising: Analysis) -> None:
    parts = values(read(page([rising])), "id")
    assert "c1" in parts
    assert not {"prevalence", "errors", "changes", "turns"} & set(parts)


def test_labels_that_are_not_kept_are_told_apart(suite: list[Analysis], summed_up: SuiteSummary) -> None:
    control = summed_up.error_control
    labels = (
        replace(control.labels[0], kept=False, false_probability=0.4),
        *(replace(label, kept=True) for label in control.labels[1:]),
    )
    doubtful = replace(summed_up, error_control=replace(control, labels=labels))
    failure = report_failure(0, {"task": "bad"}, "row 3", "no score")
    with collecting() as collection:
        collection.add(failure)
        for index, one in enumerate(suite, start=1):
            collection.add(report_curve(one, index))
        text = "".join(report_html(collection, ABOUT, doubtful))
    table = text[text.index('id="table"') :]
    assert "<td>0.40</td>" in table
    assert table.index("valley 0") < table.index("<td>0.40</td>") < table.index("valley 1")
    assert table.count("<td><b>") == len(suite) - 1


def test_only_the_most_interesting_of_many_curves_are_drawn_within_bounds(u_shaped: Analysis, rising: Analysis) -> None:
    dull, striking = report_curve(rising, 0), report_curve(u_shaped, 0)
    assert striking.interest > dull.interest
    total, pictured = 2996, 7
    with collecting() as collection:
        for index in range(total):
            collection.add(replace(striking if index % (total // pictured) == 1 else dull, index=index))
        size = sum(map(len, report_html(collection, ABOUT)))
        pictures = collection.pictures()
    assert len(pictures) == MOST_PICTURES
    assert [picture.index % (total // pictured) for picture in pictures[:pictured]] == [1] * pictured
    assert [picture.index for picture in pictures[pictured:]] == sorted(
        picture.index for picture in pictures[pictured:]
    )
    assert size < 1000 * total


def test_the_same_curves_give_the_same_page(suite: list[Analysis], summed_up: SuiteSummary) -> None:
    assert page(suite, summed_up) == page(suite, summed_up)


def test_each_picture_has_its_sentence_in_words(u_shaped: Analysis) -> None:
    (words,) = re.findall(r"<details><summary>in words</summary>(.*?)</details>", page([u_shaped]))
    assert re.match(r"U-shaped \(\S+\): 80 % at 100M, 20 % at 1B", words)


def test_rows_and_pictures_that_only_suite_or_tags_tell_apart_show_them(u_shaped: Analysis) -> None:
    ways = ({"tags": {"checkpoint": "step1000"}}, {"tags": {"checkpoint": "step2000"}}, {"suite": "of old"})
    curves = [replace(u_shaped, curve=replace(u_shaped.curve, **way)) for way in ways]
    text = page(curves)
    for told in ("checkpoint step1000", "checkpoint step2000", "suite of old"):
        assert text.count(told) >= 2
    assert "checkpoint step1000" in page(curves[:1])  # no usual language model of that name
    assert "suite of old" not in page(curves[2:])
