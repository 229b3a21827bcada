"""What the metrics of harnesses are: shares, other bounded means, unbounded; and how a curve's numbers show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from models.metrics import MetricKind, registered
from service.readers.evaluation import MetricFacts

# Names that the registry lacks. lm_eval/api/metrics.py and tasks of the harness; HELM's basic_metrics.py.
_UNBOUNDED = frozenset(
    {
        "bits_per_byte", "byte_perplexity", "likelihood_diff", "likelihood_difference", "logprob", "logprob_per_byte",
        "perplexity", "ppl", "word_perplexity",
    }
)  # fmt: skip
_LOWER_IS_BETTER = frozenset(
    {
        "bits_per_byte", "brier_score", "byte_perplexity", "likelihood_diff", "likelihood_difference",
        "pct_stereotype", "perplexity", "ppl", "ter", "wer", "word_perplexity",
    }
)  # fmt: skip
_IN_PERCENT = frozenset({"bleu", "chrf", "sacrebleu", "ter"})  # as sacrebleu gives them


class Signs(NamedTuple):
    """What a curve's numbers say about its metric.

    `inside`: all scores lie in 0 to 1. `narrow`: some standard error is smaller than that of a share of n examples.
    `share`: every standard error is that of a share of n examples, or the score is 0 or 1; one at least is the former.
    """

    inside: bool
    narrow: bool
    share: bool


class Judged(NamedTuple):
    """The metric as the schema reads it, its kind, and what about it no file says ("" where nothing)."""

    document: Mapping[str, Any]
    kind: MetricKind
    inferred: str = ""


def judged(name: str, facts: MetricFacts | None, signs: Signs) -> Judged:
    """The metric of a curve from what its file says, the registry, well-known names, and its numbers."""
    facts = facts or MetricFacts()
    known = registered(name) is not None
    kind, inferred = _kind(name, facts, signs)
    document: dict[str, Any] = {"name": name, "kind": kind.value}
    direction = facts.higher_is_better
    if direction is None and not known:
        direction = False if plain(name) in _LOWER_IS_BETTER else None
        inferred += "" if direction is False else ", higher taken as better"
    if direction is not None:
        document["higher_is_better"] = direction
    if kind is MetricKind.BOUNDED and plain(name) in _IN_PERCENT and not signs.inside:
        document["unit"] = "percent"
    elif kind is MetricKind.BOUNDED and facts.lower is not None and facts.upper is not None:
        document |= {"lower": facts.lower, "upper": facts.upper}
    if facts.chance is not None and kind is not MetricKind.UNBOUNDED:
        document["chance"] = facts.chance
    if facts.target_length is not None:
        document["target_length"] = facts.target_length
    return Judged(document, kind, inferred.removeprefix(", "))


def plain(name: str) -> str:
    """The metric's name without lm-evaluation-harness's filter: "exact_match,strict-match" is exact_match."""
    return name.partition(",")[0]


def _kind(name: str, facts: MetricFacts, signs: Signs) -> tuple[MetricKind, str]:
    """The kind as it is said or known; else by the numbers."""
    known = registered(name)
    if facts.kind is not None:
        return MetricKind(facts.kind), ""
    if known is None and plain(name) not in _UNBOUNDED:
        return _kind_by_numbers(name, facts, signs)
    kind = MetricKind.UNBOUNDED if known is None else known.kind
    if kind is MetricKind.PROPORTION and signs.narrow:
        return MetricKind.BOUNDED, "a mean of shares, by its standard errors"
    return kind, ""


def _kind_by_numbers(name: str, facts: MetricFacts, signs: Signs) -> tuple[MetricKind, str]:
    if signs.inside and signs.share:
        return MetricKind.PROPORTION, "a proportion, by its standard errors"
    if facts.lower is not None and facts.upper is not None:
        return MetricKind.BOUNDED, ""
    if signs.inside:
        return MetricKind.BOUNDED, "bounded by 0 and 1, as its scores are"
    if plain(name) in _IN_PERCENT:
        return MetricKind.BOUNDED, "bounded by 0 and 100"
    return MetricKind.UNBOUNDED, "unbounded, as its scores lie outside 0 to 1"
