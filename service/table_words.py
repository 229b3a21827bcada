"""The words of the result table: names of shapes, short codes of warnings and what they mean, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from models.curve import differing_tags
from models.options import UNDETERMINED, Shape
from models.results import Verdict
from service.table_row import TableRow

NAMES = {
    Shape.POSITIVE: "positive",
    Shape.INVERSE: "inverse",
    Shape.U_SHAPED: "U-shaped",
    Shape.INVERTED_U: "inverted-U",
    Shape.FLAT: "flat",
}
# Why curves are left out of what is pooled.
IN_ANOTHER_UNIT = "in another unit"
ON_ANOTHER_SCALE = "on another kind of scale"
WITHOUT_VALUE = "without a value, with a rare one or in another unit"
# Heads of columns that count verdicts on emergence: no, what explains the rise, yes, or not settled.
VERDICT_HEADS = {
    Verdict.NOT_EMERGENT: "not emergent",
    Verdict.EXPLAINED_BY_RESOLUTION: "test set",
    Verdict.EXPLAINED_BY_METRIC: "metric",
    Verdict.EXPLAINED_BY_SCALE_GAP: "scale gap",
    Verdict.EMERGENT: "emergent",
    Verdict.UNDETERMINED: "open",
}
# Short code and sentence of each warning; one that is not listed goes by its own name.
LEGEND = {
    "prior_dominated": ("few", "four scales or fewer: the priors decide as much as the scores"),
    "not_robust": ("prior", "the label changes under other reasonable priors or another smallest effect"),
    "erratic": ("erratic", "the scores scatter around any smooth curve by more than the effect"),
    "scores_at_bound": ("bound", "every score is the lowest or highest possible: the task may not be scorable so"),
    "below_chance": ("chance", "every model does worse than chance"),
    "target_length_unknown": ("length", "exact match without target_length: the per-token curve is a guess"),
    "bounded_mean_as_counts": ("counts", "a mean of bounded scores is treated as counts: give stderr"),
    "n_from_stderr": ("n(se)", "n_examples was derived from score and stderr"),
    "score_not_a_count": ("k/n", "scores that are no whole count of n_examples: check n_examples, or give stderr"),
    "stderr_disagrees_with_n": ("se/n", "stderr is not that of n_examples independent examples: a larger one is used"),
    "metric_assumed_proportion": ("metric", "an unknown metric is taken for a proportion"),
    "chance_below_one_percent": ("chance %", "chance is below one percent, as the scores are: is a share meant?"),
    "repeated_model": ("model", "one model has several results at one scale: they count as different models"),
    "pairing_ignored": ("unpaired", "outcomes of shared items were given but could not be used"),
    "few_clusters": ("clusters", "too few clusters to know how much examples that belong together vary"),
    "engine_unreliable": ("engine", "the sampler did not reach its accuracy; no label is given"),
}
ALWAYS_TOLD = ("checkpoint",)  # tags that are shown in any case: models in training are not those of that name
_SETTING = ("metric", "prompting", "model family")
FAILED, CANCELLED = "failed", "cancelled"


@dataclass(frozen=True, slots=True)
class Common:
    """The parts of the setting that all rows looked at share; they are said once, above the table.

    `telling` are the tags that alone tell rows of one task and setting apart.
    """

    parts: tuple[str | None, ...]
    telling: Mapping[tuple[str, tuple[str, ...]], tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[TableRow]) -> Common:
        """What the rows have in common; with a single row nothing is left out."""
        settings = [row.setting for row in rows if not row.failure]
        if len(settings) < 2:
            return cls((None,) * len(_SETTING))
        parts = tuple(column[0] if len(set(column)) == 1 else None for column in zip(*settings, strict=True))
        return cls(parts, telling_tags(rows))

    def setting(self, row: TableRow) -> str:
        """The parts of a row's setting that are not common."""
        own = [part for part, shared in zip(row.setting, self.parts, strict=True) if part and part != shared]
        telling = self.telling.get((row.task, row.setting), ())
        return ", ".join([*own, *(f"{name} {tag}" for name, tag in row.tags if name in telling or name in ALWAYS_TOLD)])

    def sentence(self) -> str:
        """`model family GPT-3`, or nothing."""
        return ", ".join(f"{name} {part}" for name, part in zip(_SETTING, self.parts, strict=True) if part)


def telling_tags(rows: Iterable[TableRow]) -> dict[tuple[str, tuple[str, ...]], tuple[str, ...]]:
    """The tags in which rows of one task and setting differ."""
    alike: dict[tuple[str, tuple[str, ...]], list[dict[str, str]]] = {}
    for row in rows:
        if not row.failure:
            alike.setdefault((row.task, row.setting), []).append(dict(row.tags))
    return {key: differing_tags(tags) for key, tags in alike.items() if len(tags) > 1}


def shape_name(row: TableRow) -> str:
    """The most probable shape in words."""
    return "" if row.shape is None else NAMES[row.shape]


def label_words(row: TableRow) -> str:
    """The label in words."""
    return UNDETERMINED if row.label == UNDETERMINED else shape_name(row)


def warning_words(row: TableRow) -> str:
    """The short codes of a row's warnings."""
    return " ".join(LEGEND.get(code, (code, ""))[0] for code in row.warnings)


@dataclass(slots=True)
class Tally:
    """Labels and warnings seen so far."""

    labels: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)

    def counted(self, rows: Iterable[TableRow]) -> Iterable[TableRow]:
        """The rows as they are, counted in passing."""
        for row in rows:
            self.labels[FAILED if row.failure else label_words(row)] += 1
            self.warnings.update(row.warnings)
            yield row

    def counts(self) -> str:
        """`120 curves: 80 positive, 39 flat, 1 failed`."""
        order = (*NAMES.values(), UNDETERMINED, FAILED)
        parts = [f"{self.labels[name]} {name}" for name in order if self.labels[name]]
        total = self.labels.total()
        return f"{total} curve{'s' if total != 1 else ''}: {', '.join(parts)}"

    def legend(self) -> list[tuple[str, str]]:
        """Code and meaning of each warning that occurred, with its count."""
        order = sorted(self.warnings, key=lambda code: (list(LEGEND).index(code) if code in LEGEND else 99, code))
        return [
            (LEGEND.get(code, (code, ""))[0], f"{LEGEND.get(code, (code, code.replace('_', ' ')))[1]} ({count})")
            for code, count in ((code, self.warnings[code]) for code in order)
        ]


def left_out_words(what: str, count: int, why: str) -> tuple[str, ...]:
    """`net change: 2 curves in another unit left out`; nothing where none is."""
    return (f"{what}: {count:,} {'curve' if count == 1 else 'curves'} {why} left out",) if count else ()
