"""Debian's chromium without a screen, driven by Selenium: for tests, screenshots and timings of the pages."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

type Browser = webdriver.Chrome
# Root may not sandbox; a container's /dev/shm is small; nothing is fetched for the browser's own sake.
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
)
LOGS = {"browser": "ALL", "performance": "ALL"}
PHONE = 600  # pixels of width below which the screen is that of a phone
TALLEST = 4000


def find_chromium() -> tuple[str, str] | None:
    """The browser and its driver; None where either is missing."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    return (found[0], found[1]) if found[0] and found[1] else None


@contextmanager
def browser_of(width: int, height: int, *, dark: bool = False, density: float = 1.0) -> Iterator[Browser]:
    """A browser of this size in pixels of CSS; raises `RuntimeError` where there is none."""
    found = find_chromium()
    if found is None:
        raise RuntimeError("there is no chromium and chromedriver: install Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for argument in (*ARGUMENTS, f"--window-size={width},{height}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", LOGS)
    opened = webdriver.Chrome(options=options, service=Service(found[1]))
    try:
        opened.set_script_timeout(120)
        screen = {"width": width, "height": height, "deviceScaleFactor": density, "mobile": width < PHONE}
        opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        paint(opened, dark=dark)
        yield opened
    finally:
        opened.quit()


def paint(browser: Browser, *, dark: bool) -> None:
    """Have the reader's system prefer light or dark."""
    wish = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [wish]})


def told(browser: Browser, log: str) -> list[dict[str, Any]]:
    """What a log of the browser has had since it was last read."""
    lines: list[dict[str, Any]] = browser.get_log(log)  # type: ignore[no-untyped-call]  # Selenium's own
    return lines


def whole_page(browser: Browser, *, height: int = TALLEST) -> bytes:
    """The page as PNG from its top down to so many pixels."""
    size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], height), "scale": 1}
    taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    return base64.b64decode(taken["data"])
