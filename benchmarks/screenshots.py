"""Pictures of the pages as a reader meets them; writes docs/images/page-*.png: `python -m benchmarks.screenshots`."""

from __future__ import annotations

import io
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.browsing import Browser, browser_of, whole_page
from benchmarks.served import Served, served

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
EXAMPLE = Path(__file__).resolve().parents[1] / "data" / "gpt3_table_h1.csv"
COLOURS = 256  # of a picture: flat areas need no more, and the file is a third
PATIENCE = 300
TASK = "3D+"  # has a sharp rise to show


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture to take: of which page, in which size, down to which height."""

    name: str
    path: str
    width: int = 1180
    height: int = 900
    dark: bool = False
    until: str = "main"


def main() -> None:
    """Start a server, have the example analysed, take the pictures."""
    with tempfile.TemporaryDirectory() as place, served(Path(place), {}) as service:
        for shot in shots(*analysed(service)):
            taken = take(service, shot)
            print(f"{shot.name}: {taken:,} bytes")


def analysed(service: Served) -> tuple[str, str, str]:
    """The suite of the example, and the ids of two of its analyses."""
    with service.client() as client:
        files = {"file": (EXAMPLE.name, EXAMPLE.read_bytes(), "text/csv")}
        address = client.post("/v1/batches", files=files).raise_for_status().headers["Location"]
        while client.get(address).json()["status"] in ("queued", "running"):
            time.sleep(0.5)
    suite = address.replace("/v1/batches/", "/suites/")
    page = httpx.get(f"{service.url}{suite}", params={"q": TASK}).text.split('id="curves"')[1]
    first, second, third = list(dict.fromkeys(re.findall("/analyses/([0-9a-f]{64})", page)))[:3]
    del second
    return suite, third, first


def shots(suite: str, one: str, other: str) -> list[Shot]:
    """What is shown in the documentation."""
    chart = "#chart[data-drawn]"
    figures = "#figures svg.forest"
    return [
        Shot("page-start", "/", height=760),
        Shot("page-suite", suite, height=1120, until=figures),
        Shot("page-suite-dark", suite, height=1120, dark=True, until=figures),
        Shot("page-analysis", f"/analyses/{one}", height=860, until=chart),
        Shot("page-analysis-dark", f"/analyses/{one}", height=860, dark=True, until=chart),
        Shot("page-analysis-phone", f"/analyses/{one}", 390, 1500, until=chart),
        Shot("page-compare", f"/compare?ids={one}&ids={other}", height=1000, until="#differences table"),
    ]


def take(service: Served, shot: Shot) -> int:
    """Take one picture; bytes of its file."""
    with browser_of(shot.width, 900, dark=shot.dark) as browser:
        browser.get(service.url + shot.path)
        WebDriverWait(browser, PATIENCE).until(lambda _: shown(browser, shot.until))
        time.sleep(0.5)  # until what has just come is painted
        content = smaller(whole_page(browser, height=shot.height))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{shot.name}.png").write_bytes(content)
    return len(content)


def shown(browser: Browser, css: str) -> bool:
    """Whether this is on the page."""
    return bool(browser.find_elements(By.CSS_SELECTOR, css))


def smaller(content: bytes) -> bytes:
    """The same picture with a palette."""
    made = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").quantize(COLOURS).save(made, "PNG", optimize=True)
    return made.getvalue()


if __name__ == "__main__":
    main()
