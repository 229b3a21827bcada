"""The part of the calibration report on labels and class probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.markdown import number, percent, table, with_error
from benchmarks.outcomes import Outcome
from benchmarks.scoring import (
    SHAPES,
    Share,
    calibration_error,
    class_balance,
    confident,
    confident_shapes,
    confusion,
    log_losses,
    mean_of,
    perfect_calibration_error,
    probabilities,
    reliability,
    right_of,
    truth_codes,
)
from benchmarks.truth import FloatArray
from models.options import DEFAULT_CLASS_PRIOR, UNDETERMINED, Shape

Stratum = tuple[str, Callable[[Outcome], str]]

PERFECT_SEED = 1
STRATA: tuple[Stratum, ...] = (
    ("K", lambda o: f"{o.n_scales}"),
    ("test examples", lambda o: f"{o.n_examples}"),
    ("family", lambda o: o.family),
    ("noise", lambda o: o.noise),
    ("between-model sd", lambda o: _sd_band(o.between_model_sd)),
)
SD_BANDS = ((0.01, "r .00 to .01"), (0.03, "r .01 to .03"), (0.1, "r .03 to .1"), (1.0, "r .1 to 1"))


def _sd_band(r: float) -> str:
    return next(name for limit, name in SD_BANDS if r <= limit)


def figures(outcomes: Sequence[Outcome]) -> str:
    """The headline figures of one data set."""
    p, truth = probabilities(outcomes), truth_codes(outcomes)
    top, right = p.max(axis=1), right_of(p, truth)
    error, perfect = calibration_error(top, right), perfect_calibration_error(top, PERFECT_SEED)
    undetermined = Share(sum(o.label == UNDETERMINED for o in outcomes), len(outcomes))
    labels = [o for o in outcomes if o.label != UNDETERMINED]
    given = Share(sum(o.label == o.shape for o in labels), len(labels))
    weighted = _to_prior(p, truth)
    rows = [
        ("curves", str(len(outcomes))),
        ("most probable shape right", percent(Share(int(right.sum()), right.size))),
        ("log loss, nats", with_error(mean_of(log_losses(p, truth)))),
        ("log loss, true shapes weighted to the class prior", number(weighted)),
        ("expected calibration error", f"{error:.3f} (perfect calibration would show {perfect:.3f})"),
        ("labels given with probability ≥ .9: right", _counted(confident(outcomes))),
        ("most probable shape with probability ≥ .9: right", _counted(confident_shapes(p, truth))),
        ("labels given: right", _counted(given)),
        ("undetermined", percent(undetermined)),
        ("erratic", percent(Share(sum(o.erratic for o in outcomes), len(outcomes)))),
        ("engine unreliable", percent(Share(sum("engine_unreliable" in o.warnings for o in outcomes), len(outcomes)))),
    ]
    return table(("figure", "value"), rows)


def _counted(share: Share) -> str:
    return f"{percent(share)}, {share.successes} of {share.total}"


def _to_prior(p: FloatArray, truth: np.ndarray) -> float:
    """Log loss if the classes had the shares of the class prior: the mean of the classes' mean losses."""
    losses = log_losses(p, truth)
    present = [(c, shape) for c, shape in enumerate(Shape) if (truth == c).any()]
    weights = np.array([DEFAULT_CLASS_PRIOR[shape] for _, shape in present])
    return float(np.average([losses[truth == c].mean() for c, _ in present], weights=weights))


def reliability_table(outcomes: Sequence[Outcome]) -> str:
    """Probability of the most probable shape against how often it is right."""
    bins = reliability(probabilities(outcomes), truth_codes(outcomes))
    rows = [(number(b.confidence), percent(b.right), str(b.right.total)) for b in bins]
    return table(("mean probability", "right", "curves"), rows)


def balance_table(outcomes: Sequence[Outcome]) -> str:
    """Share of every class against its mean probability."""
    rows = [
        (name, number(observed), number(expected), f"{z:+.1f}")
        for name, observed, expected, z in class_balance(probabilities(outcomes), truth_codes(outcomes))
    ]
    return table(("shape", "share of curves", "mean probability", "difference in standard errors"), rows)


def confusion_table(outcomes: Sequence[Outcome]) -> str:
    """True shapes against labels."""
    rows = [(name, *map(str, row)) for name, row in zip(SHAPES, confusion(outcomes), strict=True)]
    return table(("true shape", *SHAPES, UNDETERMINED), rows)


def strata_table(outcomes: Sequence[Outcome]) -> str:
    """The main figures in every stratum."""
    rows = [
        (f"{name} {value}" if name != "between-model sd" else value, *_stratum_row(members))
        for name, key in STRATA
        for value, members in grouped(outcomes, key).items()
    ]
    header = ("stratum", "curves", "right", "log loss", "calibration error (perfect)", "label ≥ .9 right")
    return table(header, rows)


def grouped(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> Mapping[str, list[Outcome]]:
    """Outcomes by stratum, numbers in their order."""
    groups: dict[str, list[Outcome]] = {}
    for o in outcomes:
        groups.setdefault(key(o), []).append(o)
    return dict(sorted(groups.items(), key=lambda item: (float(item[0]) if item[0].isdigit() else 0.0, item[0])))


def _stratum_row(members: Sequence[Outcome]) -> tuple[str, ...]:
    p, truth = probabilities(members), truth_codes(members)
    top, right = p.max(axis=1), right_of(p, truth)
    error, perfect = calibration_error(top, right), perfect_calibration_error(top, PERFECT_SEED)
    return (
        str(len(members)),
        percent(Share(int(right.sum()), right.size), interval=False),
        with_error(mean_of(log_losses(p, truth))),
        f"{error:.3f} ({perfect:.3f})",
        _counted(confident(members)),
    )


def rise_table(outcomes: Sequence[Outcome]) -> str:
    """What a rise of twice the smallest effect is called."""
    columns = (*SHAPES, UNDETERMINED)
    rows = [
        (size, str(len(members)), *(percent(Share(sum(o.label == c for o in members), len(members))) for c in columns))
        for size, members in {"all": list(outcomes), **grouped(outcomes, lambda o: f"{o.n_examples}")}.items()
    ]
    return table(("test examples", "curves", *columns), rows)
