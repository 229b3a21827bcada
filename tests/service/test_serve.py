"""The server as a user starts it: one command, and its processes."""

import json
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from service.client import Client
from service.database import Database
from service.failures import SchemaOutdated
from service.serve import EXAMPLE, address_of, announcement, make_ready, open_socket, opened_database
from service.settings import InvalidSettings, Settings
from service.store import keys

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "service.cli", "serve", "--port", "0")
EVERYBODY = "0.0.0.0"  # noqa: S104 - what must be refused
SOMEBODY_ELSE = "192.0.2.1"  # RFC 5737
STARTING = 180  # seconds that a busy machine may take


class Server:
    """A running `scaleshape serve`, its address and what it printed."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.printed = self._printed()
        self.address = self.printed.split()[2]

    def _printed(self) -> str:
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline() for _ in range(5)]
        assert lines[-1] == "Stop it with Ctrl-C.\n", (lines, self.logged())
        return "".join(lines)

    def logged(self) -> list[dict[str, object]]:
        lines = (self.folder / "log").read_text().rpartition("\n")[0].splitlines()  # the last may be half written
        return [json.loads(line) for line in lines if line.startswith("{")]

    def children(self) -> dict[str, int]:
        """Role -> process, of those that were started last."""
        return {str(line["child"]): int(str(line["pid"])) for line in self.logged() if line["event"] == "started"}

    def stop(self) -> int:
        """Told to stop, it ends with this code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def analyse(self, seed: int = 0) -> str:
        """The label of the example, analysed in the background."""
        with Client(self.address) as client:
            document = client.analyse({**json.loads(EXAMPLE), "options": {"seed": seed}}, background=True)
        return str(document["classification"]["most_probable"])


@contextmanager
def served(folder: Path, *options: str, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server whose files are in a folder; stopped at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCALESHAPE_")}
    environment |= {"XDG_DATA_HOME": str(folder), "SCALESHAPE_WORKERS": "1", **(settings or {})}
    command = [*COMMAND, *options]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        late = threading.Timer(STARTING, process.kill)
        late.start()
        try:
            running = Server(process, folder)
            late.cancel()
            yield running
        finally:
            late.cancel()
            if process.poll() is None:
                process.terminate()
                process.wait(60)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def refused(*options: str) -> str:
    """What the command says when it does not start."""
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=STARTING, check=False)
    assert done.returncode == 2, done.stderr
    return done.stderr


THREADS = 2


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with little patience and few threads."""
    settings = {"SCALESHAPE_REQUEST_TIMEOUT_S": "1", "SCALESHAPE_THREADS": str(THREADS)}
    with served(tmp_path_factory.mktemp("hasty"), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "header", "status"),
    [
        (f"GET /v1/analyses?task={'x' * 9000} HTTP/1.1", "Accept: */*", 414),
        ("GET /v1/analyses HTTP/1.1", f"X-Long: {'x' * 9000}", 431),
        ("POST /v1/analyses HTTP/1.1", "Content-Length: many", 400),
        ("POST /v1/analyses HTTP/1.1", "Transfer-Encoding: rot13", 400),
        ("GET /v1/analyses HTTP/7.1", "Accept: */*", 400),
        ("nonsense", "Accept: */*", 400),
        ("POST /v1/analyses HTTP/1.1", "Expect: miracles", 417),
    ],
)
def test_what_is_refused_before_the_app_sees_it_is_a_problem_document_too(
    server: Server, line: str, header: str, status: int
) -> None:
    host, _, port = server.address.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"{line}\r\nHost: x\r\n{header}\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["type"].startswith("/problems/")) == (status, True)
    assert problem["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "begun",
    [
        b"GET /v1/analyses HTTP/1.1\r\n",
        b"POST /v1/analyses HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{",
        b"POST /v1/batches HTTP/1.1\r\nContent-Type: text/csv\r\nContent-Length: 500\r\n\r\ntask",
        b"POST /v1/batches HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99\r\n\r\n--b",
    ],
)
def test_requests_that_stand_still_are_cut_and_the_others_answered(hasty: Server, begun: bytes) -> None:
    host, _, port = hasty.address.removeprefix("http://").rpartition(":")
    with ExitStack() as stack:
        stalled = []
        for _ in range(10 * THREADS):
            stalled.append(stack.enter_context(socket.create_connection((host, int(port)), timeout=60)))
            stalled[-1].sendall(begun.replace(b"\r\n", b"\r\nHost: localhost\r\n", 1))
        # Ten rounds of one second. Were the peers waited for at the close as well, it would take 40 more.
        assert httpx.get(f"{hasty.address}/health/live", timeout=35).status_code == 200
        for connection in stalled:
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 ")
            problem = json.loads(body)
            assert (problem["status"], problem["type"]) == (408, "/problems/request-timeout")


@pytest.mark.slow
def test_who_is_refused_and_stands_still_holds_up_nobody(hasty: Server) -> None:
    host, _, port = hasty.address.removeprefix("http://").rpartition(":")
    with ExitStack() as stack:
        refused = []
        for _ in range(10 * THREADS):
            refused.append(stack.enter_context(socket.create_connection((host, int(port)), timeout=60)))
            refused[-1].sendall(
                b"POST /v1/batches HTTP/1.1\r\nHost: elsewhere.example\r\nContent-Type: text/csv\r\n"
                b"Content-Length: 500000\r\n\r\ntask"
            )
        # The answers come before the bodies. Were the peers waited for one after the other, it would take 40 s.
        assert httpx.get(f"{hasty.address}/health/live", timeout=20).status_code == 200
        for connection in refused:
            head = connection.makefile("rb").read()  # to its end, which the server says at once
            assert head.startswith(b"HTTP/1.1 403 ")


@pytest.mark.slow
def test_a_refusal_reaches_a_client_that_is_still_sending(hasty: Server) -> None:
    host, _, port = hasty.address.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        size = 64 * 65536
        connection.sendall(
            f"POST /v1/batches HTTP/1.1\r\nHost: elsewhere.example\r\nContent-Length: {size}\r\n\r\n".encode()
        )
        for _ in range(64):
            connection.sendall(bytes(65536))
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 403 ")


@pytest.mark.slow
@pytest.mark.parametrize("size", [10_000, 100_000, 2_000_000])
def test_an_answer_says_that_the_connection_ends_where_the_body_was_not_read(server: Server, size: int) -> None:
    with httpx.Client(timeout=60) as client:
        for _ in range(10):
            refused = client.post(f"{server.address}/nowhere", content=bytes(size))
            assert (refused.status_code, refused.headers.get("connection")) == (404, "close")
            assert client.post(f"{server.address}/v1/nowhere", content=b"").status_code == 404


@pytest.mark.slow
def test_a_request_behind_one_that_was_read_is_answered_on_the_same_connection(server: Server) -> None:
    host, _, port = server.address.removeprefix("http://").rpartition(":")
    one = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(2 * one + one.replace(b"Host", b"Connection: close\r\nHost"))
        assert connection.makefile("rb").read().count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.slow
def test_a_body_of_wrong_chunks_is_answered_once(server: Server) -> None:
    host, _, port = server.address.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + b"ZZ\r\nhello\r\n0\r\n\r\n")
        assert connection.makefile("rb").read().count(b"HTTP/1.1 ") == 1


@pytest.mark.slow
def test_those_who_take_no_answer_and_those_who_say_nothing_hold_up_nobody(hasty: Server) -> None:
    host, _, port = hasty.address.removeprefix("http://").rpartition(":")
    with ExitStack() as stack:
        for _ in range(4 * THREADS):
            deaf = stack.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((host, int(port)))
            deaf.sendall(60 * b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(20 * THREADS):
            stack.enter_context(socket.create_connection((host, int(port))))
        assert httpx.get(f"{hasty.address}/health/live", timeout=45).status_code == 200


@pytest.mark.slow
def test_more_connections_than_open_files_were_allowed_are_taken(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(600, soft), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = stack.enter_context(served(tmp_path))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        host, _, port = server.address.removeprefix("http://").rpartition(":")
        for _ in range(700):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
        assert httpx.get(f"{server.address}/health/live", timeout=45).status_code == 200
        assert "Exception in worker process" not in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_a_long_address_is_read(server: Server) -> None:
    answer = httpx.get(f"{server.address}/v1/analyses", params={"cursor": "x", "task": "x" * 7900}, timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.slow
def test_the_curl_line_that_it_prints_gives_an_analysis(server: Server) -> None:
    line = next(line for line in server.printed.splitlines() if "curl" in line)
    done = subprocess.run(shlex.split(line), capture_output=True, text=True, check=True, timeout=30)
    assert json.loads(done.stdout)["curve"]["task"] == "example"


@pytest.mark.slow
def test_the_database_is_made_in_the_users_data_folder(server: Server) -> None:
    assert (server.folder / "scaleshape/scaleshape.db").is_file()


@pytest.mark.slow
def test_submit_prints_the_table_that_analyze_prints(server: Server) -> None:
    file = str(ROOT / "data/palm_quote_repetition.csv")
    command = [sys.executable, "-m", "service.cli"]
    submitted = [*command, "submit", file, "--server", server.address, "--wait"]
    printed = [
        subprocess.run(line, capture_output=True, text=True, check=True, timeout=120).stdout
        for line in ([*command, "analyze", file], submitted)
    ]
    assert printed[0] == printed[1]


@pytest.mark.slow
def test_the_python_lines_of_readme_do_what_they_say(server: Server) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert "http://127.0.0.1:8080" in lines
    assert "data/gpt3_table_h1.csv" in lines
    code = lines.replace("http://127.0.0.1:8080", server.address).replace("gpt3_table_h1", "palm_quote_repetition")
    command = [sys.executable, "-c", f"{code}\nprint(table.loc[0, 'task'])"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "Quote Repetition\n"


@pytest.mark.slow
def test_a_request_has_one_name_in_header_and_log(server: Server) -> None:
    httpx.get(f"{server.address}/v1/metrics", headers={"X-Request-ID": "my-own.1"}, timeout=60)
    (line,) = [line for line in server.logged() if line.get("request_id") == "my-own.1"]
    assert (line["path"], line["status"], line["role"]) == ("/v1/metrics", 200, "web")


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "role"), [(1, "web"), (2, "dispatcher"), (3, "scheduler"), (4, "worker")])
def test_a_killed_role_is_started_again_and_its_work_is_done(server: Server, seed: int, role: str) -> None:
    before = server.children()
    os.kill(before[role], signal.SIGKILL)
    assert server.analyse(seed) == "u_shaped"
    end = time.monotonic() + STARTING
    while (after := server.children())[role] == before[role]:  # it works before the supervisor has told so
        assert time.monotonic() < end
        time.sleep(0.05)
    assert {name for name in before if before[name] != after[name]} == {role}


@pytest.mark.slow
def test_told_to_stop_it_answers_the_request_that_runs_and_exits_with_zero(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        host, port = re.findall(r"//(.*):(\d+)", server.address)[0]
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            kind = f"Content-Type: application/json\r\nContent-Length: {len(EXAMPLE)}"
            connection.sendall(
                f"POST /v1/analyses HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n\r\n{EXAMPLE[:50]}".encode()
            )
            time.sleep(0.5)
            server.process.terminate()
            time.sleep(0.5)
            connection.sendall(EXAMPLE[50:].encode())
            answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert server.process.wait(60) == 0
        stopped = [line["child"] for line in server.logged() if line["event"] == "stopped"]
        assert stopped == ["web", "dispatcher", "worker", "scheduler"]


@pytest.mark.slow
def test_no_process_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        children = server.children()
        server.process.kill()
        end = time.monotonic() + 90
        while any(map(alive, children.values())):
            assert time.monotonic() < end, children
            time.sleep(0.1)


def test_an_address_that_others_reach_is_refused_without_keys(tmp_path: Path) -> None:
    words = refused("--host", EVERYBODY, "--database-url", f"sqlite:///{tmp_path}/a.db")
    assert "Error: the server would listen on 0.0.0.0" in words
    assert "scaleshape keys create" in words
    assert "--allow-open" in words


@pytest.mark.parametrize("open_", [{"allow_open": True}, {"host": "127.0.0.1"}, {"host": "::1"}, {"host": "localhost"}])
def test_without_keys_it_serves_this_machine_or_whom_it_is_told_to(database_url: str, open_: dict[str, object]) -> None:
    settings = Settings(**{"database_url": database_url, "host": EVERYBODY, **open_})  # type: ignore[arg-type]
    assert make_ready(settings) is False


def test_a_role_that_does_not_listen_needs_no_keys(database_url: str) -> None:
    assert make_ready(Settings(database_url=database_url, host=EVERYBODY), "dispatcher") is False


def test_with_a_key_it_serves_everybody(database: Database) -> None:
    with database.writing() as connection:
        keys.create(connection, "me", ("read",))
    assert make_ready(Settings(database_url=database.url, host=EVERYBODY)) is True


def test_a_new_sqlite_database_gets_its_tables_and_postgresql_names_the_command(empty_url: str, kind: str) -> None:
    settings = Settings(database_url=empty_url)
    if kind == "sqlite":
        assert make_ready(settings) is False
    else:
        with pytest.raises(SchemaOutdated, match="scaleshape db upgrade"), opened_database(settings):
            pass


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with open_socket(Settings(port=0)) as taken:
        port = taken.getsockname()[1]
        words = refused("--port", str(port), "--database-url", f"sqlite:///{tmp_path}/a.db")
    assert f"cannot listen on 127.0.0.1, port {port}" in words
    assert "another --port" in words


def test_an_address_that_is_not_of_this_machine_is_told() -> None:
    with pytest.raises(InvalidSettings, match=r"cannot listen on 192\.0\.2\.1"):
        open_socket(Settings(host=SOMEBODY_ELSE, port=0))


def test_a_setting_that_cannot_be_used_is_wrong_usage() -> None:
    assert "must be a whole number" in refused("--workers", "many")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        (EVERYBODY, "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("me", "http://me:80"),
    ],
)
def test_the_printed_address_is_one_that_this_machine_reaches(host: str, url: str) -> None:
    assert address_of(host, 80) == url


def test_with_keys_the_lines_to_try_show_where_the_key_goes() -> None:
    assert "Authorization: Bearer" in announcement("http://x", with_keys=True)
    assert "sk_" not in announcement("http://x", with_keys=False)
