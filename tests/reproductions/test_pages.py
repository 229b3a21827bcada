"""The reproductions: each command writes its page, and the figures in it hold against other ways to get them."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from models.emergence import emergence_score
from models.results import Interval, Verdict
from reproductions import gpt3_arithmetic, metric_meta, u_shaped, vision
from reproductions.arithmetic_tasks import tasks
from reproductions.emergence import score_interval, score_of
from reproductions.metric_meta import Rated, top_share
from reproductions.networks import autoencoder, classifier, digits, parameters
from reproductions.page import DOCS, estimate, number, probability, table

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("gpt3_arithmetic", "metric_meta", "u_shaped", "vision")
PYTHIA = ROOT.parent / "shared" / "data" / "pythia_inverse_scaling.csv"


def _page(folder: Path, name: str) -> str:
    text = (folder / f"{name}.md").read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((\w+\.svg)\)", text)
    assert pictures
    assert all((folder / picture).stat().st_size > 1000 for picture in pictures)
    return text


@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_committed_with_its_pictures_and_listed(name: str) -> None:
    _page(DOCS, name)
    assert f"docs/reproductions/{name}.md" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_arithmetic_page_is_written(tmp_path: Path) -> None:
    gpt3_arithmetic.main(["--out", str(tmp_path), "--judged", "1"])
    written, committed = _page(tmp_path, "gpt3_arithmetic"), _page(DOCS, "gpt3_arithmetic")
    # Up to the simulations the page is that of the full run.
    assert written.partition("## Test sets")[0] == committed.partition("## Test sets")[0]


@pytest.mark.slow
def test_the_page_on_metrics_is_the_committed_one(tmp_path: Path) -> None:
    metric_meta.main(["--out", str(tmp_path)])
    assert _page(tmp_path, "metric_meta") == _page(DOCS, "metric_meta")


def test_the_page_on_metrics_reads_any_suite(tmp_path: Path) -> None:
    metric_meta.main([str(ROOT / "data" / "palm_quote_repetition.csv"), "--out", str(tmp_path)])
    assert "1 curve of 1 task under 1 metric." in _page(tmp_path, "metric_meta")


def test_the_page_on_u_shapes_is_written_without_the_second_file_and_is_the_beginning_of_the_committed_one(
    tmp_path: Path,
) -> None:
    u_shaped.main(["--out", str(tmp_path)])
    assert _page(DOCS, "u_shaped").startswith(_page(tmp_path, "u_shaped").rstrip())


@pytest.mark.slow
@pytest.mark.skipif(not PYTHIA.exists(), reason="the Pythia curves are not part of the project")
def test_the_page_on_u_shapes_is_the_committed_one(tmp_path: Path) -> None:
    u_shaped.main(["--out", str(tmp_path), "--pythia", str(PYTHIA)])
    assert _page(tmp_path, "u_shaped") == _page(DOCS, "u_shaped")


@pytest.mark.slow
def test_the_page_on_vision_is_written_after_little_training(tmp_path: Path) -> None:
    vision.main(["--out", str(tmp_path), "--steps", "5"])
    assert "Classifiers" in _page(tmp_path, "vision")


def test_a_geometric_law_is_fitted_and_refused_as_it_should_be() -> None:
    lengths, n = np.array([2, 3, 4, 5]), 2000
    c, p = gpt3_arithmetic.geometric_fit(np.rint(0.8**lengths * n) / n)
    assert c == pytest.approx(0.8, abs=0.002)
    assert p > 0.5
    assert gpt3_arithmetic.geometric_fit(np.array([1.0, 0.804, 0.255, 0.093]))[1] < 1e-6


def test_the_p_value_of_a_geometric_law_is_uniform_where_the_law_holds() -> None:
    generator = np.random.default_rng(4)
    lengths, n = np.array([2, 3, 4, 5]), 2000
    values = [gpt3_arithmetic.geometric_fit(generator.binomial(n, 0.7**lengths) / n)[1] for _ in range(300)]
    counts = np.histogram(values, bins=5, range=(0, 1))[0]
    assert chi2.sf(np.sum((counts - 60) ** 2 / 60), 4) > 0.001


def test_implied_accuracy_to_the_power_of_the_length_is_exact_match() -> None:
    for task in tasks():
        assert gpt3_arithmetic.implied(task.found.observed, task.length) ** task.length == pytest.approx(
            task.found.observed
        )


def test_scores_of_curves_are_those_of_the_analysis() -> None:
    values = np.array([0.01, 0.02, 0.05, 0.9])
    assert score_of(values) == emergence_score(values)
    assert score_of(np.array([0.0, 0.0, 0.0, 0.9])) is None
    straight = np.linspace(0.1, 0.9, 6)[None, :] * np.ones((10, 1))
    found = score_interval(straight, 0.95, 1e-6)
    assert [found.estimate, found.lower, found.upper] == pytest.approx([5.0] * 3)
    assert score_interval(straight, 0.95, 1.0).upper is None


def test_the_top_two_metrics_hold_all_claims_of_two_and_half_of_four_alike() -> None:
    def curve(task: int, metric: str) -> Rated:
        return Rated(metric, str(task), 9.0, looks_emergent=True, verdict=Verdict.EMERGENT)

    two = [curve(i, metric) for i in range(30) for metric in "ab"]
    assert top_share(two, lambda one: one.looks_emergent) == (("a", "b"), Interval(1.0, 1.0, 1.0))
    four = [curve(i, metric) for i in range(400) for metric in "abcd"]
    top, share = top_share(four, lambda one: one.looks_emergent)
    assert top == ("a", "b")
    assert share.estimate == pytest.approx(0.5)
    assert share.lower == pytest.approx(0.5, abs=0.01)
    assert top_share(two, lambda one: one.score is None)[1].reason == "none"


def test_networks_learn_and_give_the_same_numbers_twice() -> None:
    data = digits()
    assert data.train.shape == (797, 64)
    assert data.test.shape == (1000, 64)
    short, longer = autoencoder(data, 8, 5, 0).mean(), autoencoder(data, 8, 60, 0).mean()
    assert longer < short
    shares = classifier(data, 8, 60, 0)
    assert shares.sum(axis=1) == pytest.approx(np.ones(1000))
    assert np.mean(shares.argmax(axis=1) == data.test_labels) > 0.5
    assert np.array_equal(shares, classifier(data, 8, 60, 0))
    assert parameters(64, 8, 10) == 64 * 8 + 8 + 8 * 10 + 10


def test_numbers_are_written_as_people_read_them() -> None:
    assert (number(None), number(1234.5, 2), number(2.7e8, 2)) == ("–", "1200", "2.7e+08")
    assert (probability(0.999), probability(1.0), probability(0.001)) == ("> 0.99", "1.00", "< 0.01")
    assert estimate(Interval(3.0, 1.0, None)) == "3 (above 1)"
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
