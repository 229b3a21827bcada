"""What `deploy/` says can be done: its files are read, and their commands run here, without a container."""

import configparser
import json
import os
import re
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import psycopg
import pytest
import yaml

from service.cli import main
from service.client import Client
from service.serve import DRAIN_MARGIN, PATIENCE
from service.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
UNIT = (DEPLOY / "scaleshape.service").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("image") == "scaleshape"}
COMMANDS = {name: service for name, service in OURS.items() if "entrypoint" not in service}
LASTING = {name: service for name, service in COMMANDS.items() if service["command"][0] == "serve"}
PALM = ROOT / "data/palm_quote_repetition.csv"
START_UP = 240  # seconds that each step may take on a busy machine


def parsed(arguments: list[str]) -> click.Context:
    """The command that the arguments mean; wrong usage raises."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
        context = click.Context(command, info_name=name, parent=context)
    return command.make_context(command.name, list(arguments))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def seconds(text: str) -> float:
    """`40s` in seconds."""
    return float(text.removesuffix("s"))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_understands_what_each_service_runs(name: str) -> None:
    assert parsed(COMMANDS[name]["command"]).params


def test_each_role_of_a_cluster_is_a_service() -> None:
    roles = {parsed(service["command"]).params["role"] for service in LASTING.values()}
    assert roles == {"web", "dispatcher", "scheduler", "worker"}
    assert all(service["restart"] == "always" for service in LASTING.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_environment_of_each_service_holds_settings_that_can_be_used(name: str) -> None:
    settings = load_settings({}, COMMANDS[name]["environment"])
    assert settings.scheduler_address.startswith("tls://")
    assert all(path.startswith("/tls/") for path in (settings.tls_ca, settings.tls_cert, settings.tls_key))


def test_every_service_waits_for_services_that_exist_and_none_for_itself() -> None:
    graph = {name: set(service.get("depends_on", ())) for name, service in SERVICES.items()}
    assert set().union(*graph.values()) <= SERVICES.keys()
    assert list(TopologicalSorter(graph).static_order())
    assert {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]} <= {
        *COMPOSE["volumes"]
    }


def test_no_service_is_published_to_other_machines_and_no_password_is_written_down() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:8080:8080"]
    assert "${POSTGRES_PASSWORD:?" in (DEPLOY / "compose.yaml").read_text()
    assert not re.search(r"PASSWORD: +[^$]", (DEPLOY / "compose.yaml").read_text())


def test_services_have_the_time_to_stop_that_their_roles_need() -> None:
    needed = {**PATIENCE, "web": Settings().request_timeout_s + DRAIN_MARGIN}
    given = {name: seconds(service.get("stop_grace_period", "10s")) for name, service in LASTING.items()}
    assert {name: given[name] >= needed[name] for name in given} == dict.fromkeys(given, True)


def test_the_image_is_made_of_files_that_exist_and_are_not_ignored() -> None:
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"}
    sources = [word for line in re.findall(r"^COPY (.+)", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]
    assert len(sources) > 5
    assert [source for source in sources if not (ROOT / source).exists() or source not in allowed] == []


def test_the_image_runs_the_command_as_a_user_of_its_own() -> None:
    entry, command = (
        json.loads(re.findall(rf"^{word} (.+)$", DOCKERFILE, re.MULTILINE)[0]) for word in ("ENTRYPOINT", "CMD")
    )
    assert entry == ["scaleshape"]
    assert parsed(command).params["role"] == "all"
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["scaleshape"]
    assert "--require-hashes -r requirements.lock" in DOCKERFILE


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep capitals
    parser.read_string(UNIT)
    return parser


def test_the_unit_runs_a_command_with_settings_that_can_be_used() -> None:
    program, *arguments = shlex.split(unit()["Service"]["ExecStart"])
    assert program.endswith("/bin/scaleshape")
    assert parsed(arguments).params["role"] == "all"
    given = dict(line.split("=", 1) for line in re.findall(r"^Environment=(.+)$", UNIT, re.MULTILINE))
    assert load_settings({}, given).database_url == "sqlite:////var/lib/scaleshape/scaleshape.db"


def test_the_unit_gives_all_roles_the_time_to_stop() -> None:
    service = unit()["Service"]
    assert float(service["TimeoutStopSec"]) > Settings().request_timeout_s + DRAIN_MARGIN + sum(PATIENCE.values())
    assert service["KillMode"] == "mixed"  # the supervisor alone is told to stop; what is left at the end is killed
    assert "MemoryDenyWriteExecute" not in service  # inner loops are compiled while it runs


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    file = tmp_path / "scaleshape.service"
    file.write_text(UNIT.replace("/opt/scaleshape/bin/scaleshape", sys.executable))
    try:
        done = subprocess.run(
            ["systemd-analyze", "verify", file], capture_output=True, text=True, timeout=60, check=False
        )
    except FileNotFoundError:
        pytest.skip("there is no systemd here")
    assert [line for line in done.stderr.splitlines() if "scaleshape.service" in line] == []


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    done = subprocess.run(["sh", DEPLOY / "certificates.sh", folder], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("made ")
    return folder


def test_certificates_are_made_once_and_only_their_owner_reads_them(certificates: Path) -> None:
    before = (certificates / "node.pem").read_bytes()
    again = subprocess.run(["sh", DEPLOY / "certificates.sh", certificates], capture_output=True, text=True, check=True)
    assert "already" in again.stdout
    assert (certificates / "node.pem").read_bytes() == before
    assert {path.name: path.stat().st_mode & 0o077 for path in certificates.iterdir()} == {
        "ca.pem": 0,
        "node.key": 0,
        "node.pem": 0,
    }


def test_both_ends_know_each_other_by_the_certificates_also_where_they_are_strict(certificates: Path) -> None:
    server, client = (ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
    for context in (server, client):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_verify_locations(certificates / "ca.pem")
        context.load_cert_chain(certificates / "node.pem", certificates / "node.key")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [server.wrap_bio(there, back, server_side=True), client.wrap_bio(back, there)]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert [end.getpeercert() is not None for end in ends] == [True, True]


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    name = f"deploy_{uuid4().hex}"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        yield f"{postgres}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def environment(service: Mapping[str, Any], url: str, folder: Path, ports: tuple[int, int]) -> dict[str, str]:
    """The environment of a service as it would be on this machine; `ports` are those of scheduler and web."""
    given = {name: value.replace("/tls/", f"{folder}/") for name, value in service["environment"].items()}
    given["SCALESHAPE_SCHEDULER_ADDRESS"] = given["SCALESHAPE_SCHEDULER_ADDRESS"].replace(
        "scheduler:8786", f"127.0.0.1:{ports[0]}"
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SCALESHAPE_")}
    return {
        **inherited,
        **given,
        "SCALESHAPE_DATABASE_URL": url,
        "SCALESHAPE_PORT": str(ports[1]),
        "SCALESHAPE_WORKERS": "1",
    }


@contextmanager
def started(name: str, surroundings: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "service.cli", *COMMANDS[name]["command"]]
    with (folder / f"{name}.log").open("wb") as log, subprocess.Popen(command, env=surroundings, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_the_services_of_compose_do_a_batch_and_stop_in_their_time(
    postgres_url: str, certificates: Path, tmp_path: Path
) -> None:
    ports = (free_port(), free_port())
    order = TopologicalSorter({name: set(service.get("depends_on", ())) for name, service in SERVICES.items()})
    processes: dict[str, subprocess.Popen[bytes]] = {}
    with ExitStack() as stack:
        for name in (name for name in order.static_order() if name in COMMANDS):
            surroundings = environment(COMMANDS[name], postgres_url, certificates, ports)
            process = stack.enter_context(started(name, surroundings, tmp_path))
            if name in LASTING:
                processes[name] = process
            else:
                assert process.wait(START_UP) == 0
        with Client(f"http://127.0.0.1:{ports[1]}", patience=START_UP) as client:
            state = client.wait(client.submit(PALM).id, timeout=START_UP)
        assert (state.status, state.counts["succeeded"]) == ("succeeded", 1)
        check = [sys.executable, *SERVICES["web"]["healthcheck"]["test"][2:]]
        subprocess.run([word.replace("8080", str(ports[1])) for word in check], check=True, timeout=120)
        for name in ("web", "dispatcher", "worker", "scheduler"):
            processes[name].terminate()
            assert processes[name].wait(seconds(LASTING[name].get("stop_grace_period", "10s"))) == 0, name
