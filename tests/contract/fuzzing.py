"""Cases made up by schemathesis against an app: how many there were, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder

TEXTS = ("application/x-ndjson", "text/csv")
# Some rules bind several fields together (n_correct and n_examples), which a JSON schema cannot say: then 422.
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "422", "429"]
# Media types and lengths, on top of what the tool takes as a refusal.
REFUSED = ["400", "401", "403", "404", "405", "406", "408", "409", "413", "415", "422", "429"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Cases that were sent, answers 5xx among them, and each distinct failure with its first case."""

    cases: int
    server_errors: int
    failures: Mapping[str, str]


def fuzzed(app: Flask, seed: int, examples: int) -> Outcome:
    """The outcome of all phases: examples, coverage, fuzzing and stateful."""
    for name in TEXTS:
        schemathesis.serializer(name)(_as_text)
    config = SchemathesisConfig.from_dict(_configuration(seed, examples))
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)
    cases = server_errors = 0
    failures: dict[str, str] = {}
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError):
            failures[f"{event.label}: {type(event.value).__name__}"] = str(event.value)
        if isinstance(event, ScenarioFinished):
            cases += len(event.recorder.interactions)
            server_errors += sum(_status(each) >= 500 for each in event.recorder.interactions.values())
            failures |= _failures(event.recorder)
    return Outcome(cases, server_errors, failures)


def _configuration(seed: int, examples: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "generation": {"max-examples": examples, "database": "none"},
        # A batch that was deleted without `purge` is stopped and can still be read.
        "operations": [{"include-path-regex": "^/v1/batches", "checks": {"use_after_free": {"enabled": False}}}],
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ACCEPTED},
            "negative_data_rejection": {"expected-statuses": REFUSED},
        },
    }


def _as_text(context: Any, value: Any) -> bytes:
    """Only a string is text; another value that is to violate the schema is sent as no text at all."""
    del context
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""


def _status(interaction: Any) -> int:
    return 0 if interaction.response is None else int(interaction.response.status_code)


def _failures(recorder: ScenarioRecorder) -> dict[str, str]:
    found = {}
    for identifier, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                case = recorder.cases[identifier].value
                failure = check.failure_info.failure
                found[f"{recorder.label}: {failure.title}"] = f"{failure.message}\n{case.as_curl_command()[:2000]}"
    return found
