"""Tasks of curves that have the same names, made different by what else tells the curves apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from models.curve import ScalingCurve, differing_tags
from service.schemas.scalars import LONGEST_TEXT

LONGEST_ADDED = 60  # characters of a tag that become a part of a task's name

type Names = tuple[str | None, ...]


@dataclass(slots=True)
class LongerNames:
    """Names of curves seen in a first pass, with the tags of each; `task` goes over the same curves in a second one.

    `names` are those by which a form keeps curves apart.
    """

    names: Callable[[ScalingCurve], Names] = field(default_factory=lambda: names_in_table)
    _tags: dict[Names, list[Mapping[str, str]]] = field(default_factory=dict)
    _added: dict[Names, list[str]] = field(default_factory=dict)
    _passed: Counter[Names] = field(default_factory=Counter)

    def learn(self, curve: ScalingCurve) -> None:
        """Take note of a curve."""
        self._tags.setdefault(self.names(curve), []).append(curve.suite_and_tags)

    def task(self, curve: ScalingCurve) -> str:
        """The task of the next curve in the same order: as it is where no other curve has the same names."""
        names = self.names(curve)
        if len(self._tags[names]) == 1:
            return curve.task
        added = self._added.get(names) or self._added.setdefault(names, _different(self._tags[names]))
        self._passed[names] += 1
        end = f" ({added[self._passed[names] - 1]})"
        return f"{curve.task[: LONGEST_TEXT - len(end)]}{end}"

    def tell(self, tell: Callable[[str], None], keeps: str = "a table keeps") -> None:
        """Say how many curves have longer names, with the first of them."""
        if self._added:
            (task, *_), added = next(iter(self._added.items()))
            count = sum(map(len, self._added.values()))
            tell(f"{count:,} curves have names that others have, too; {keeps} them apart as {task} ({added[0]})")


def names_in_table(curve: ScalingCurve) -> Names:
    """Those of the columns of a table; the task comes first."""
    return (curve.task, curve.metric.name, curve.prompting, curve.model_family, curve.suite)


def _different(tags: Sequence[Mapping[str, str]]) -> list[str]:
    """What each of several curves has in the tags in which they differ, numbered where that is the same."""
    names = differing_tags(tags)
    return list(_numbered([_text(each, names) for each in tags]))


def _text(tags: Mapping[str, str], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {tags[name][:LONGEST_ADDED]}" for name in names if name in tags)


def _numbered(texts: Sequence[str]) -> Iterator[str]:
    counts, seen = Counter(texts), Counter[str]()
    for text in texts:
        seen[text] += 1
        yield text if text and counts[text] == 1 else f"{text} {seen[text]}".lstrip()
