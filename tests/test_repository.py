"""What is written about the code is tested against it: README, locks, module map, data, wording."""

import csv
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from click import Command

from models.curve_models.bent_line import CHANGE_SCALE, UNBOUNDED_CHANGE_SCALE
from models.curve_models.quadratic import CURVATURE_SCALE, UNBOUNDED_CURVATURE_SCALE
from models.curve_models.rise_from_floor import NO_CHANCE
from models.options import SUITE_SAMPLE
from service.commands.analyze import analyze
from service.commands.compare import compare
from service.commands.meta import meta
from service.table_words import LEGEND

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
README_COMMANDS = re.findall(r"^```sh\n(.+?)\n```$", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)
PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==[\w.!+-]+", flags=re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
# Put together from parts, so that this file does not contain what it looks for.
FORBIDDEN = (
    re.compile(r"\bissues?" + r"\s+#?\d", flags=re.IGNORECASE),
    re.compile(r"(?<![\w.])/" + r"(?:work|root|home)/"),
    re.compile(r"pypi" + r"\.org|python" + r"hosted\.org"),
)


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of tracked files")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def project() -> dict[str, object]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"])


def locked(lock: str) -> dict[str, str]:
    """Each pinned distribution of a lock and the text up to the next."""
    text = (ROOT / lock).read_text()
    starts = list(PINNED.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return {match[1]: text[match.start() : end] for match, end in zip(starts, ends, strict=True)}


def test_readme_has_two_commands_the_first_analyses_and_the_second_tests() -> None:
    first, second = README_COMMANDS
    assert first.endswith(".venv/bin/scaleshape analyze data/gpt3_table_h1.csv")
    assert " -m pytest" in second.rpartition(" && ")[2]
    assert all("\n" not in command and command.startswith("python3 -m venv .venv && ") for command in README_COMMANDS)


@pytest.mark.parametrize("command", README_COMMANDS)
def test_readme_commands_use_only_files_that_exist_after_a_clone(command: str) -> None:
    words = [word for word in shlex.split(command) if re.search(r"\.lock$|\.csv$|^data/", word)]
    assert any(word.endswith(".lock") for word in words)
    assert [word for word in words if not (ROOT / word).is_file()] == []


@pytest.mark.parametrize("command", README_COMMANDS)
def test_readme_commands_install_with_hashes_and_without_resolving(command: str) -> None:
    locks, package = re.findall(r"pip install -q ([^&]+?) &&", command)
    assert locks.startswith("--require-hashes -r ")
    assert package.startswith("--no-deps --no-build-isolation ")


def test_ci_takes_the_test_command_from_readme() -> None:
    pattern = re.search(r"grep -m 1 '([^']+)' README.md", (ROOT / ".ci/run").read_text())
    assert pattern is not None
    assert re.findall(f"{pattern[1]}.*", (ROOT / "README.md").read_text(), flags=re.MULTILINE) == [README_COMMANDS[1]]
    assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "data/README.md"])
def test_relative_links_lead_to_files(page: str) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).is_file()] == []


def test_every_make_target_named_in_contributing_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make (\w+)`", (ROOT / "CONTRIBUTING.md").read_text())) <= targets


def test_python_version_is_the_oldest_that_the_package_allows() -> None:
    assert project()["requires-python"] == f">={(ROOT / '.python-version').read_text().strip()}"


def test_package_cannot_be_uploaded_by_accident() -> None:
    assert "Private :: Do Not Upload" in str(project()["classifiers"])


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_show_no_index_address_option_or_machine_path(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    shown = [line for line in lines if "://" in line or line.startswith(("-", "/")) or re.search(r"\s/\w", line)]
    assert shown == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_has_a_hash(lock: str) -> None:
    entries = locked(lock)
    assert len(entries) > 40
    assert [name for name, text in entries.items() if not HASH.search(text)] == []
    unpinned = re.findall(r"^[A-Za-z0-9](?![\w.-]*==).*", (ROOT / lock).read_text(), flags=re.MULTILINE)
    assert unpinned == []


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_hold_what_the_package_needs_to_build_and_run(lock: str) -> None:
    dependencies = project()["dependencies"]
    assert isinstance(dependencies, list)
    names = {re.split(r"[<>=!~ \[]", text)[0] for text in dependencies} | {"hatchling", "editables"}
    assert names - locked(lock).keys() == set()


def test_development_lock_pins_the_same_versions_as_the_runtime_lock() -> None:
    runtime, development = ({match.group() for match in PINNED.finditer((ROOT / lock).read_text())} for lock in LOCKS)
    assert runtime < development


def test_lock_hashes_cover_more_than_one_platform() -> None:
    assert len(HASH.findall(locked("requirements.lock")["numpy"])) > 20


def test_every_module_of_the_map_exists() -> None:
    modules = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs/architecture.md").read_text(), flags=re.MULTILINE)
    assert len(modules) > 10
    assert [module for module in modules if not (ROOT / module).exists()] == []


def test_every_data_file_has_its_source_in_the_data_readme() -> None:
    described = set(re.findall(r"^\| `([^`]+)` \|.*arxiv\.org", (ROOT / "data/README.md").read_text(), re.MULTILINE))
    assert {path.name for path in (ROOT / "data").iterdir()} - {"README.md"} == described


def test_gpt3_table_holds_120_curves_of_eight_sizes() -> None:
    with (ROOT / "data/gpt3_table_h1.csv").open(newline="") as file:
        sizes = Counter((row["task"], row["metric"], row["prompting"]) for row in csv.DictReader(file))
    assert len(sizes) == 120
    assert set(sizes.values()) == {8}


def test_palm_points_are_the_published_ones() -> None:
    with (ROOT / "data/palm_quote_repetition.csv").open(newline="") as file:
        rows = [(float(row["parameters"]), float(row["score"]), int(row["n_examples"])) for row in csv.DictReader(file)]
    assert rows == [(8e9, 0.86, 300), (62e9, 0.81, 300), (540e9, 1.0, 300)]


def test_no_file_names_an_issue_a_machine_path_or_a_package_host() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        for pattern in FORBIDDEN
        for match in pattern.finditer(path.read_text(errors="ignore"))
    ]
    assert found == []


def test_the_map_names_every_module_but_those_of_mapped_folders() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`((?:models|service)/[^`]+)`", text)) | {"service/table_row.py", "service/table_words.py"}
    folders = tuple(name for name in named if name.endswith("/"))
    modules = {str(path.relative_to(ROOT)) for top in ("models", "service") for path in (ROOT / top).rglob("*.py")}
    unnamed = {name for name in modules - named if not name.endswith("__init__.py") and not name.startswith(folders)}
    assert unnamed == set()


@pytest.mark.parametrize("command", [meta, compare], ids=["meta", "compare"])
def test_readme_says_which_options_of_analyze_the_commands_for_suites_lack(command: Command) -> None:
    readme = (ROOT / "README.md").read_text()
    (sentence,) = re.findall(r"Both take `--json` and the options of `analyze`, but for (.+?)\.\n", readme)
    missing = _options(analyze) - _options(command)
    assert set(re.findall(r"`(--[a-z-]+)`", sentence)) == missing


def test_readme_names_warnings_that_the_table_has() -> None:
    (row,) = re.findall(r"^\| warnings \|(.+)\|$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    codes = set(re.findall(r"`([^`]+)`", row))
    assert codes
    assert codes <= {code for code, _ in LEGEND.values()}
    assert "too small" not in row


def test_the_method_names_the_sample_of_a_suite_the_scales_of_changes_and_what_counts_as_no_chance() -> None:
    text = (ROOT / "docs/method.md").read_text()
    assert f"at most {SUITE_SAMPLE} curves of the file" in text
    for name, bounded, unbounded in (
        ("D2", CHANGE_SCALE, UNBOUNDED_CHANGE_SCALE),
        ("c", CURVATURE_SCALE, UNBOUNDED_CURVATURE_SCALE),
    ):
        assert f"{name} ~ t4(0, {bounded:g}) (unbounded: t4(0, {_short(unbounded)}))" in text
    assert f"between {_short(NO_CHANCE)} and {_short(1 - NO_CHANCE)}" in text
    assert f"chance up to {_short(NO_CHANCE)}" in text


def _options(command: Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}


@pytest.mark.slow
def test_the_rows_that_readme_shows_are_those_of_the_command() -> None:
    """Tasks, settings, labels and counts; digits may differ between processors."""
    readme = (ROOT / "README.md").read_text()
    shown = readme.split("<!-- output:begin -->")[1].split("<!-- output:end -->")[0].splitlines()
    command = [sys.executable, "-m", "service.cli", "analyze", "data/gpt3_table_h1.csv"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line[:73].rstrip() for line in shown if re.match(r"\S.* (accuracy|exact_match), ", line)]
    assert len(rows) >= 10
    assert set(rows) <= {line[:73].rstrip() for line in printed}


def _short(number: float) -> str:
    """A number as the method writes it, without a zero before the point."""
    return f"{number:g}".removeprefix("0")
