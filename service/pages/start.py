"""The start page: what was done of late, and a place to begin."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from service.database import Database
from service.number_format import probability_text
from service.pages.progress import moment_words, suite_progress
from service.pages.rendering import LABEL_NAMES
from service.readers.opening import FORMATS, SCALES
from service.report.texts import plain
from service.settings import MIB, Settings
from service.store import analyses, batches
from service.store.analyses import Summary
from service.store.filters import NEWEST, Filter

EXAMPLE = "gpt3_table_h1.csv"
EXAMPLE_TITLE = "GPT-3, Table H.1"
RECENT = 8
RECENT_ANALYSES = 8


def start_view(database: Database, settings: Settings) -> dict[str, Any]:
    """Recent suites and analyses, and what the forms must know."""
    with database.reading() as connection:
        suites = batches.page(connection, limit=RECENT).items
        recent = analyses.page(connection, Filter(), NEWEST, RECENT_ANALYSES).items
    return {
        "suites": [suite_progress(batch) for batch in suites],
        "analyses": [_row(summary) for summary in recent],
        "formats": FORMATS,
        "scales": SCALES,
        "limit_bytes": settings.max_batch_bytes,
        "limit": f"{settings.max_batch_bytes // MIB} MiB",
        "most_curves": settings.max_batch_curves,
    }


def example_bytes() -> bytes:
    """The shipped example: 120 curves of GPT-3 in eight sizes."""
    return files("service.pages").joinpath("example", EXAMPLE).read_bytes()


def _row(summary: Summary) -> dict[str, str]:
    setting = ", ".join(part for part in (summary.metric, summary.prompting, summary.model_family) if part)
    name = LABEL_NAMES.get(summary.label, summary.label)
    shape = LABEL_NAMES.get(summary.most_probable, summary.most_probable)
    return {
        "id": summary.id,
        "task": plain(summary.task),
        "setting": plain(setting),
        "label": summary.label,
        "shape": summary.most_probable,
        "words": name if summary.label == summary.most_probable else f"{name} ({shape})",
        "probability": probability_text(summary.probability),
        "created_at": moment_words(summary.created_at),
    }
