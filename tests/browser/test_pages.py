import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.browsing import Browser, paint
from benchmarks.served import Served

pytestmark = pytest.mark.slow

AXE = Path(__file__).parent / "axe-4.14.1.min.js"
PATIENCE = 90.0
HEADER = "task,metric,prompting,model_family,model,parameters,score,n_examples"
SIZES = (1e8, 1e9, 1e10, 1e11, 1e12)
CURVES: Mapping[str, tuple[float, ...]] = {
    "valley": (0.8, 0.5, 0.3, 0.55, 0.85),
    "hill": (0.1, 0.3, 0.6, 0.8, 0.9),
    "<script>alert('x')</script>": (0.5, 0.5, 0.5, 0.5, 0.5),
    "=1+1": (0.9, 0.7, 0.5, 0.3, 0.1),
}
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de")


def table(curves: Mapping[str, tuple[float, ...]] = CURVES, prompting: str = "few-shot") -> str:
    rows = [
        f'"{task}",accuracy,{prompting},Example,E-{place},{size:g},{score},400'
        for task, scores in curves.items()
        for place, (size, score) in enumerate(zip(SIZES, scores, strict=False))
    ]
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.fixture
def at(browser: Browser, service: Served) -> Callable[[str], Browser]:
    def go(path: str) -> Browser:
        browser.get(service.url + path)
        return browser

    return go


@pytest.fixture(scope="session")
def suite(service: Served, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a finished suite with a bad curve in it."""
    text = table() + "too short,accuracy,few-shot,Example,E-0,1e8,0.5,400\n"
    return finished(service, text)


def finished(service: Served, text: str) -> str:
    with service.client() as client:
        files = {"file": ("curves.csv", text, "text/csv")}
        address = client.post("/v1/batches", files=files).raise_for_status().headers["Location"]
        began = time.monotonic()
        while client.get(address).json()["status"] in ("queued", "running"):
            assert time.monotonic() - began < PATIENCE
            time.sleep(0.2)
    return address.replace("/v1/batches/", "/suites/")


def wait(browser: Browser, condition: Callable[[], Any]) -> Any:
    # A page may be replaced between the finding of an element and the question to it: then it is asked again.
    passing = [StaleElementReferenceException, ElementClickInterceptedException]
    return WebDriverWait(browser, PATIENCE, ignored_exceptions=passing).until(lambda _: condition())


def one(browser: Browser, css: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, css)


def all_of(browser: Browser, css: str) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, css)


def click(browser: Browser, css: str) -> None:
    """Click what may be replaced between being found and being clicked."""

    def clicked() -> bool:
        one(browser, css).click()
        return True

    wait(browser, clicked)


def wait_until_drawn(browser: Browser) -> None:
    """Until the suite as a whole is there, which moves all that stands below it."""
    wait(browser, lambda: all_of(browser, "#figures svg.forest"))


def heading(browser: Browser) -> str:
    return one(browser, "h1").text


def task_of(row: WebElement) -> str:
    return row.find_element(By.TAG_NAME, "th").text


def analysis_of(service: Served, suite: str, task: str) -> str:
    page = httpx.get(f"{service.url}{suite}", params={"q": task}, timeout=60).text
    return f"/analyses/{re.findall('/analyses/([0-9a-f]{64})', page.split('id="curves"')[1])[0]}"


def upload(browser: Browser, path: Path) -> None:
    one(browser, "#file").send_keys(str(path))
    one(browser, "#upload button.main").click()


def test_a_file_is_uploaded_watched_and_read(at: Callable[[str], Browser], tmp_path: Path) -> None:
    browser = at("/")
    path = tmp_path / "my curves.csv"
    path.write_text(table())
    upload(browser, path)
    wait(browser, lambda: heading(browser) == "my curves.csv")
    wait(browser, lambda: not all_of(browser, "#progress") and all_of(browser, "table.curves tbody tr"))
    labels = wait(browser, lambda: {task_of(row): row.text for row in all_of(browser, "table.curves tbody tr")})
    assert "U-shaped" in labels["valley"]
    assert "positive" in labels["hill"]
    wait_until_drawn(browser)
    click(browser, "table.curves tbody th a")
    wait(browser, lambda: heading(browser) == "valley")
    wait(browser, lambda: one(browser, "#chart").get_attribute("data-drawn"))
    assert "U-shaped" in one(browser, ".summary").text


def test_the_example_is_one_click_away_and_can_be_cancelled(at: Callable[[str], Browser]) -> None:
    browser = at("/")
    one(browser, "form[action='/suites/example'] button").click()
    wait(browser, lambda: heading(browser).startswith("GPT-3"))
    wait(browser, lambda: "analysed" in one(browser, "#progress [role=status]").text)

    def ended() -> bool:
        for button in all_of(browser, "form[action$='/cancel'] button"):
            button.click()  # in vain where the button is replaced while it is held down
        return not all_of(browser, "#progress")

    wait(browser, ended)
    assert "cancelled" in one(browser, "main").text


def test_a_pasted_table_becomes_a_suite(at: Callable[[str], Browser]) -> None:
    browser = at("/")
    text = one(browser, "#text")
    browser.execute_script("arguments[0].value = arguments[1]", text, table({"pasted": CURVES["hill"]}))
    text.submit()
    wait(browser, lambda: heading(browser) == "Pasted text")


def test_the_table_is_filtered_sorted_and_its_state_stands_in_the_address(
    at: Callable[[str], Browser], suite: str
) -> None:
    browser = at(suite)
    browser.execute_script("document.querySelector('select[name=label]').value = 'u_shaped'")
    browser.execute_script(
        "document.querySelector('select[name=label]').dispatchEvent(new Event('change', {bubbles: true}))"
    )
    wait(browser, lambda: len(all_of(browser, "table.curves tbody tr")) == 1)
    wait(browser, lambda: "label=u_shaped" in browser.current_url)
    browser.back()
    wait(browser, lambda: "label=" not in browser.current_url and len(all_of(browser, "table.curves tbody tr")) == 5)
    wait_until_drawn(browser)
    click(browser, "table.curves thead a[href*='sort=task']")
    wait(browser, lambda: "sort=task" in browser.current_url)
    wait(browser, lambda: one(browser, "table.curves tbody th").text == "<script>alert('x')</script>")
    browser.refresh()
    assert one(browser, "table.curves tbody th").text == "<script>alert('x')</script>"


def test_the_typed_part_of_a_name_is_looked_for(at: Callable[[str], Browser], suite: str) -> None:
    browser = at(suite)
    one(browser, "#q").send_keys("hil")
    wait(browser, lambda: [row.text for row in all_of(browser, "table.curves tbody th")] == ["hill"])
    assert one(browser, "#q").get_attribute("value") == "hil"


def test_pictures_and_the_suite_as_a_whole_are_drawn(at: Callable[[str], Browser], suite: str) -> None:
    browser = at(f"{suite}?view=pictures")
    assert len(all_of(browser, ".small figure svg")) == 4
    wait_until_drawn(browser)
    assert "Prevalence" in one(browser, "#figures").text


def test_a_bad_row_is_told_and_the_others_are_analysed(at: Callable[[str], Browser], suite: str) -> None:
    browser = at(suite)
    bad = one(browser, "tr.bad").text
    assert "too short" in bad
    assert "row 22" in bad
    assert len(all_of(browser, "table.curves tbody tr")) == 5


def test_a_script_in_a_task_is_shown_as_text(at: Callable[[str], Browser], service: Served, suite: str) -> None:
    browser = at(analysis_of(service, suite, "<script>"))
    assert heading(browser) == "<script>alert('x')</script>"
    wait(browser, lambda: one(browser, "#chart").get_attribute("data-drawn"))
    assert browser.execute_script("return document.scripts.length") == 4


def test_curve_models_are_drawn_on_demand(at: Callable[[str], Browser], service: Served, suite: str) -> None:
    browser = at(analysis_of(service, suite, "valley"))
    wait(browser, lambda: one(browser, "#chart").get_attribute("data-drawn"))
    before = len(all_of(browser, "#chart .u-legend .u-series"))
    box = one(browser, "input[data-model]")
    box.click()
    assert len(all_of(browser, "#chart .u-legend .u-series")) == before + 1
    box.click()
    assert len(all_of(browser, "#chart .u-legend .u-series")) == before
    one(browser, "#chart-switch").click()
    assert one(browser, "#picture svg").is_displayed()


def test_marked_curves_are_compared(at: Callable[[str], Browser], suite: str) -> None:
    browser = at(suite)
    wait_until_drawn(browser)
    for box in all_of(browser, "table.curves input[type=checkbox]")[:2]:
        box.click()
    one(browser, "#table .under button").click()
    wait(browser, lambda: heading(browser) == "Compare 2 curves")
    wait(browser, lambda: "differ" in one(browser, "#differences table").text)
    wait(browser, lambda: one(browser, "#differences tbody .n").text != "")


@pytest.mark.parametrize("path", ["/suites/gone", "/analyses/gone", "/nothing", "/compare?ids=a&ids=b"])
def test_what_is_gone_has_a_page_that_says_so(at: Callable[[str], Browser], path: str) -> None:
    browser = at(path)
    assert heading(browser) in ("There is nothing here", "This could not be used")
    assert str(one(browser, ".problem a.button").get_attribute("href")).endswith("/")


def test_a_picture_instead_of_a_table_is_refused_with_the_reason(at: Callable[[str], Browser], tmp_path: Path) -> None:
    browser = at("/")
    path = tmp_path / "curves.csv"
    path.write_bytes(PNG)
    upload(browser, path)
    wait(browser, lambda: heading(browser) == "This could not be used")
    assert "PNG picture" in one(browser, ".problem").text


def test_a_decimal_comma_is_refused_with_the_remedy(at: Callable[[str], Browser], tmp_path: Path) -> None:
    browser = at("/")
    path = tmp_path / "german.csv"
    path.write_text(table().replace(",", ";").replace("0.", "0,"))
    upload(browser, path)
    wait(browser, lambda: heading(browser) == "This could not be used")
    assert "decimal" in one(browser, ".problem").text


def test_a_file_above_the_limit_is_refused_before_and_after_it_is_sent(
    at: Callable[[str], Browser], tmp_path: Path
) -> None:
    browser = at("/")
    path = tmp_path / "large.csv"
    path.write_text(HEADER + "\n" + "x" * (3 << 20))
    upload(browser, path)
    assert "at most 1 MiB" in one(browser, "#file-error").text
    assert heading(browser).startswith("What shape")
    browser.execute_script("document.getElementById('upload').submit()")  # as without the script of the page
    wait(browser, lambda: heading(browser) == "This is too large")
    assert "1 MiB" in one(browser, ".problem").text


def test_pages_can_be_read_without_scripts(at: Callable[[str], Browser], service: Served, suite: str) -> None:
    browser = at("/")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        at(suite)
        assert len(all_of(browser, "table.curves tbody tr")) == 5
        one(browser, "#figures a").click()
        wait(browser, lambda: heading(browser) == "The suite as a whole")
        at(analysis_of(service, suite, "valley"))
        assert one(browser, "#picture svg").is_displayed()
        assert not one(browser, "#chart").is_displayed()
        assert not [box for box in all_of(browser, ".only-script") if box.is_displayed()]
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_keyboard_reaches_the_content_first(at: Callable[[str], Browser]) -> None:
    browser = at("/")
    one(browser, "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to content"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("id") == "file"


SEND_NO_KEY = """
const form = document.createElement("form");
form.method = "post";
form.action = "/sign-in";
document.body.append(form);
form.submit();
"""


@pytest.fixture(params=["light", "dark"])
def painted(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Browser]:
    paint(browser, dark=request.param == "dark")
    yield browser
    paint(browser, dark=False)


@pytest.mark.parametrize("name", ["start", "suite", "pictures", "analysis", "compare", "docs", "error", "sign-in"])
def test_axe_finds_nothing_serious(painted: Browser, service: Served, suite: str, name: str) -> None:
    first, second = (analysis_of(service, suite, task) for task in ("valley", "hill"))
    paths = {
        "start": "/",
        "suite": suite,
        "pictures": f"{suite}?view=pictures",
        "analysis": first,
        "compare": f"/compare?ids={first[10:]}&ids={second[10:]}",
        "docs": "/docs",
        "error": "/nothing",
        "sign-in": "/",
    }
    painted.get(service.url + paths[name])
    if name == "sign-in":  # a server without keys shows the form to those alone who send one all the same
        painted.execute_script(SEND_NO_KEY)
        wait(painted, lambda: painted.find_elements("css selector", "#key"))
    if name in ("analysis", "compare"):
        wait(painted, lambda: one(painted, "#chart").get_attribute("data-drawn"))
    if name in ("suite", "pictures"):
        wait_until_drawn(painted)
    painted.execute_script(AXE.read_text())
    # Swagger UI is not ours.
    told = painted.execute_async_script(
        "axe.run({include: [['html']], exclude: [['#swagger-ui']]}).then(arguments[arguments.length - 1])"
    )
    serious = [
        (found["id"], [node["html"][:200] for node in found["nodes"][:3]])
        for found in told["violations"]
        if found["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_the_page_fits_a_phone(painted: Browser, service: Served, suite: str) -> None:
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    painted.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        for path in ("/", suite, analysis_of(service, suite, "valley"), "/compare"):
            painted.get(service.url + path)
            if path == suite:
                wait_until_drawn(painted)
            assert painted.execute_script("return document.documentElement.scrollWidth") <= 390, path
    finally:
        wide = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        painted.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", wide)
