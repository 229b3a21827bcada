"""What is drawn and told of a whole suite: made beside its report, where the samplers run, and kept with it as JSON."""

from __future__ import annotations

import re
from typing import Any

import orjson

from models.suite_summary import SuiteSummary
from service.report.collection import Collection
from service.report.page import suite_parts
from service.report.sentences import summary_sentences
from service.report.suite_tables import ReportTable

_HEAD = re.compile(r'viewBox="0 0 ([\d.]+) [\d.]+"( style="[^"<>]*")?')


def suite_figures(collection: Collection, summary: SuiteSummary) -> bytes:
    """Sentences, forest plots as SVG and tables, as JSON."""
    parts = suite_parts(collection, summary)
    return orjson.dumps(
        {
            "sentences": summary_sentences(collection, summary),
            "prevalence": _plain(parts["prevalence"]),
            "grouped": [{"name": name, "svg": _plain(svg)} for name, svg in parts["grouped"]],
            "turns": [{"name": name, "count": count, "svg": _plain(svg)} for name, count, svg in parts["turn_forests"]],
            "unpooled": [{"name": name, "expected": own.n_inside} for name, own in parts["unpooled"]],
            "fdr": parts["fdr"],
            "claims": parts["claims"],
            "claims_forest": _plain(parts["claims_forest"]),
            **{name: _table(parts[name]) for name in ("false_labels", "effects", "moderators", "verdicts")},
        }
    )


def _plain(svg: str) -> str:
    """The picture in its natural width, without a style of its own: a page takes styles from its stylesheet alone."""
    return _HEAD.sub(lambda head: f'{head[0].removesuffix(head[2] or "")} width="{head[1]}"', svg, count=1)


def _table(table: ReportTable) -> dict[str, Any]:
    return {"headers": table.headers, "rows": table.rows}
