"""The whole service with a real browser in front of it: Debian's chromium."""

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.browsing import Browser, browser_of, find_chromium, told
from benchmarks.served import Served, served

LIMIT = "1MiB"  # of an upload: what is too large is soon made
QUIET = ("data", "blob", "about", "chrome")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("browser")
    with served(folder, {"workers": 1, "max_batch_bytes": LIMIT}) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser; without one the tests are skipped, but on a build server they fail."""
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium and chromedriver: install Debian's chromium and chromium-driver")
        pytest.skip("NOT TESTED IN A BROWSER: no chromium and chromedriver")
    with browser_of(1280, 900) as opened:
        yield opened


@pytest.fixture
def browser(chromium: Browser, service: Served) -> Iterator[Browser]:
    """The browser, whose console stayed silent and which asked nobody but the service."""
    chromium.delete_all_cookies()
    told(chromium, "browser")
    told(chromium, "performance")
    yield chromium
    severe = [line["message"] for line in told(chromium, "browser") if line["level"] == "SEVERE"]
    # A page that is not there is told on the console as well as on the page.
    assert [line for line in severe if "Failed to load resource" not in line] == []
    assert {address for address in _asked(chromium) if not address.startswith(service.url)} == set()


def _asked(chromium: Browser) -> Iterator[str]:
    for line in told(chromium, "performance"):
        message: dict[str, Any] = json.loads(line["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            address = message["params"]["request"]["url"]
            if urlsplit(address).scheme not in QUIET:
                yield address
