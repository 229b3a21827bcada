import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from service.logs import bind_request, configure_logs, logger, request_id


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield io.StringIO()
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def documents(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_each_event_is_one_json_line_with_its_role_and_request(lines: io.StringIO) -> None:
    configure_logs("info", "auto", "web", lines)
    bind_request("r1")
    logger("web").info("served", status=200)
    (line,) = documents(lines)
    assert line["event"] == "served"
    assert {"status": 200, "role": "web", "request_id": "r1", "level": "info"}.items() <= line.items()


def test_what_libraries_log_takes_the_same_form(lines: io.StringIO) -> None:
    configure_logs("info", "json", "dispatcher", lines)
    logging.getLogger("gunicorn.error").warning("worker %s\nis gone", 7)
    (line,) = documents(lines)
    assert (line["event"], line["role"], line["logger"]) == ("worker 7\nis gone", "dispatcher", "gunicorn.error")


def test_an_exception_stands_in_its_line(lines: io.StringIO) -> None:
    configure_logs("info", "json", "web", lines)
    try:
        int("why")
    except ValueError:
        logger("web").exception("failed")
    (line,) = documents(lines)
    assert "ValueError: invalid literal" in str(line["exception"])


def test_lines_below_the_level_are_left_out(lines: io.StringIO) -> None:
    configure_logs("warning", "json", "web", lines)
    logger("web").info("served")
    logging.getLogger("distributed").info("chatter")
    assert lines.getvalue() == ""


def test_noisy_libraries_are_heard_from_warnings_on(lines: io.StringIO) -> None:
    configure_logs("info", "json", "web", lines)
    logging.getLogger("alembic.runtime").info("chatter")
    logging.getLogger("alembic.runtime").warning("trouble")
    assert [line["event"] for line in documents(lines)] == ["trouble"]


def test_a_request_does_not_inherit_the_id_of_the_one_before_on_its_thread(lines: io.StringIO) -> None:
    configure_logs("info", "json", "web", lines)
    for identifier in ("first", "second"):
        bind_request(identifier)
        logger("web").info("served")
    assert [line["request_id"] for line in documents(lines)] == ["first", "second"]


def test_people_get_lines_without_braces(lines: io.StringIO) -> None:
    configure_logs("info", "console", "web", lines)
    logger("web").info("served", status=200)
    assert "served" in lines.getvalue()
    assert "{" not in lines.getvalue()


@pytest.mark.parametrize("given", [None, "", "a b", "x\ny", "{}", "a" * 65, "ä"])
def test_a_request_id_that_could_forge_a_line_is_replaced(given: str | None) -> None:
    assert request_id(given) != given
    assert request_id(given) != request_id(given)


def test_a_harmless_request_id_is_kept() -> None:
    assert request_id("trace-1.2_3") == "trace-1.2_3"
