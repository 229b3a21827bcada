"""Routes of meta-analyses."""

from __future__ import annotations

from flask import Response, request, url_for

from service.access import needs
from service.api.answers import awaited
from service.api.blueprint import Routes
from service.bodies import checked_keys, json_body
from service.contract import paths
from service.derivations import SUMMARY
from service.failures import NotFound
from service.meta_analyses import meta_analysis
from service.negotiation import conditional, json_answer
from service.parts import parts

blueprint = Routes("meta_analyses", __name__, url_prefix="/v1", description="Many curves, or estimates, summed up.")


@blueprint.at("POST", "/meta-analyses", paths.CREATE_META_ANALYSIS)
def create_meta_analysis() -> Response:
    """Sum up stored analyses, curves or estimates.

    Stored analyses and curves as a batch is summed up; this takes seconds, and the answer tells where to look for it.
    Estimates with their errors are pooled by random effects at once. A result is kept for a while, not stored.
    """
    needs("read")
    own = parts()
    asked = checked_keys(json_body(request, own.settings.max_body_bytes))
    wanted = meta_analysis(asked, own.database, own.settings)
    if wanted.derived is None:
        return json_answer(wanted.document or {})
    return _answered(wanted.derived.key, wanted.derived.ask(own.derivations))


@blueprint.at("GET", "/meta-analyses/<string:meta_analysis_id>", paths.GET_META_ANALYSIS, paths.META_ANALYSIS_ID)
def get_meta_analysis(meta_analysis_id: str) -> Response:
    """Read a meta-analysis that was asked for."""
    needs("read")
    known, found = parts().derivations.find(meta_analysis_id, SUMMARY)
    if not known:
        raise NotFound(f"there is no meta-analysis {meta_analysis_id[:80]!r}, or no longer: ask for it again")
    return _answered(meta_analysis_id, found)


def _answered(key: str, found: bytes | None) -> Response:
    address = url_for("meta_analyses.get_meta_analysis", meta_analysis_id=key)
    if found is None:
        return awaited(address)
    response = json_answer(found)
    response.headers["Location"] = address
    return conditional(response, request, key)
