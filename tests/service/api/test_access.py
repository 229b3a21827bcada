import io

import pytest

from service.access import KEY_COOKIE
from service.database import Database
from service.store import keys
from tests.service.api.curves import Client, MakeApp, curve


def key_for(database: Database, *scopes: str) -> dict[str, str]:
    with database.writing() as connection:
        _, text = keys.create(connection, "test", scopes)
    return {"Authorization": f"Bearer {text}"}


def test_without_any_key_everything_is_open_on_this_machine_alone(make_app: MakeApp) -> None:
    assert make_app(host="127.0.0.1").test_client().get("/v1/analyses").status_code == 200
    assert make_app(host="0.0.0.0").test_client().get("/v1/analyses").status_code == 401  # noqa: S104 - it is refused
    assert make_app(host="example.org").test_client().get("/v1/analyses").status_code == 401
    opened = make_app(host="0.0.0.0", allow_open=True)  # noqa: S104 - as asked for
    assert opened.test_client().get("/v1/analyses").status_code == 200


def test_with_a_key_only_who_has_one_gets_in(client: Client, database: Database) -> None:
    headers = key_for(database, "read")
    refused = client.get("/v1/analyses")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert refused.json["type"] == "/problems/not-authenticated"
    assert client.get("/v1/analyses", headers=headers).status_code == 200
    for wrong in (
        "Bearer sk_x_y",
        "Bearer ",
        "Basic dTpw",
        headers["Authorization"][:-1],
        headers["Authorization"] + "x",
    ):
        assert client.get("/v1/analyses", headers={"Authorization": wrong}).status_code == 401


def test_a_revoked_key_opens_nothing(client: Client, database: Database) -> None:
    headers = key_for(database, "admin")
    key_for(database, "read")
    with database.writing() as connection:
        keys.revoke(connection, headers["Authorization"].split("_")[1])
    assert client.get("/v1/analyses", headers=headers).status_code == 401


def test_a_scope_allows_what_it_says_and_what_is_less(client: Client, database: Database) -> None:
    by_scope = {scope: key_for(database, scope) for scope in keys.SCOPES}
    body = curve(options={"engine": "nuts"})
    assert client.post("/v1/analyses", json=body, headers=by_scope["read"]).status_code == 403
    made = client.post("/v1/analyses", json=body, headers=by_scope["write"])
    assert made.status_code == 202
    assert client.get(made.headers["Location"], headers=by_scope["write"]).status_code == 200
    assert client.delete(made.headers["Location"], headers=by_scope["write"]).status_code == 403
    assert client.delete(made.headers["Location"], headers=by_scope["admin"]).status_code == 204
    batch = client.post("/v1/batches", json={"curves": [curve()]}, headers=by_scope["admin"]).headers["Location"]
    assert client.delete(batch, headers=by_scope["read"]).status_code == 403
    assert client.delete(batch, headers=by_scope["write"]).status_code == 200
    assert client.delete(f"{batch}?purge=true", headers=by_scope["write"]).status_code == 403
    assert client.delete(f"{batch}?purge=true", headers=by_scope["admin"]).status_code == 204


def test_a_cookie_of_another_server_is_no_key_where_none_is_needed(make_app: MakeApp) -> None:
    client = make_app(host="127.0.0.1").test_client()
    client.set_cookie(KEY_COOKIE, "sk_of_elsewhere")
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 200
    assert client.get("/v1/analyses").status_code == 200
    assert client.get("/v1/analyses", headers={"Authorization": "Bearer sk_of_elsewhere"}).status_code == 401
    led = client.get("/sign-in")
    assert (led.status_code, led.headers["Location"]) == (303, "/")


def test_a_cookie_that_is_no_key_opens_nothing_where_there_are_keys(client: Client, database: Database) -> None:
    key_for(database, "read")
    client.set_cookie(KEY_COOKIE, "sk_of_elsewhere")
    assert client.get("/v1/analyses").status_code == 401


@pytest.mark.parametrize(("host", "status"), [("localhost:8080", 200), ("[::1]:80", 200), ("evil.example", 403)])
def test_without_keys_only_this_machines_own_names_are_answered(make_app: MakeApp, host: str, status: int) -> None:
    client = make_app(host="127.0.0.1").test_client()
    assert client.get("/v1/analyses", headers={"Host": host}).status_code == status
    opened = make_app(host="127.0.0.1", allow_open=True).test_client()
    assert opened.get("/v1/analyses", headers={"Host": host}).status_code == 200


def test_a_page_of_another_site_writes_nothing_through_the_api(client: Client, database: Database) -> None:
    """Browsers send forms to any address; only with a key in a header, which they do not add, it is a program's."""
    sent = {"file": (io.BytesIO(b"task,metric,model_family,parameters,score,n_examples\n"), "a.csv")}
    strange = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    refused = client.post("/v1/batches", data=sent, content_type="multipart/form-data", headers=strange)
    assert (refused.status_code, refused.json["type"]) == (403, "/problems/not-allowed")
    headers = {**key_for(database, "write"), **strange}
    assert client.post("/v1/analyses", json=curve(), headers=headers).status_code == 201


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_address_with_a_nul_is_none(client: Client, method: str) -> None:
    for place in ("analyses", "batches"):
        assert client.open(f"/v1/{place}/a%00b", method=method).status_code == 404


def test_health_and_documentation_need_no_key(client: Client, database: Database) -> None:
    key_for(database, "admin")
    for path in (
        "/sign-in",
        "/static/pages.css",
        "/static/palette.css",
        "/docs",
        "/docs/start.js",
        "/openapi.json",
        "/health/live",
        "/health/ready",
    ):
        assert client.get(path).status_code == 200, path
    assert client.get("/metrics").status_code == 401


def test_the_same_idempotency_key_of_two_clients_is_two_batches(client: Client, database: Database) -> None:
    ids = {
        client.post(
            "/v1/batches", json={"curves": [curve()]}, headers={**key_for(database, "write"), "Idempotency-Key": "k"}
        ).json["id"]
        for _ in range(2)
    }
    assert len(ids) == 2


def test_who_asks_too_often_is_told_when_to_come_again(make_app: MakeApp, database: Database) -> None:
    client = make_app(rate_limit="3/hour").test_client()
    first, second = key_for(database, "read"), key_for(database, "read")
    codes = [client.get(path, headers=first).status_code for path in ("/v1/analyses", "/v1/batches", "/v1/metrics")]
    assert codes == [200] * 3
    refused = client.get("/v1/analyses", headers=first)
    assert (refused.status_code, refused.json["type"]) == (429, "/problems/rate-limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert client.get("/v1/analyses", headers=second).status_code == 200
    assert client.get("/health/live", headers=first).status_code == 200
