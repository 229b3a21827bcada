"""All routes of pages."""

from __future__ import annotations

from service.api import analysis_pages, docs, start_pages, suite_pages

PAGES = (start_pages.blueprint, suite_pages.blueprint, analysis_pages.blueprint, docs.blueprint)
