"""The built programs run with what the compose file tells them, and do what clients and operators ask."""

from __future__ import annotations

import re
import secrets
import socket
import ssl

from support.deployment import Deployment, compose, get
from support.sources import SERVICES, read
from test_compose import BY_HAND

PASSWORD = secrets.token_hex(12)


def test_the_compose_files_secrets_are_those_that_are_made(deployment: Deployment) -> None:
    assert deployment.made | BY_HAND == set(compose()["secrets"])


def test_what_services_stand_on_is_made_once_and_can_be_made_again(deployment: Deployment) -> None:
    assert "roles and schemas: identity, messaging, presence, profiles\n" in deployment.provisioned
    made = set(re.search(r"new topics: (.*)", deployment.provisioned)[1].split(", "))
    assert {"gateway.replies", "identity.requests", "profiles.events", "presence.dead", "mesh.catalogue"} <= made
    assert "topics: all were there" in deployment.tool("provision")
    statement = "select nspname || '=' || nspowner::regrole from pg_namespace where nspname !~ '^pg_'"
    owners = deployment.psql("skillmesh", statement)
    assert {f"{name}={name}" for name in SERVICES if name != "gateway"} <= set(owners.splitlines())


def test_a_service_signs_in_with_its_password_and_sees_no_other_schema(deployment: Deployment) -> None:
    asked = "has_schema_privilege"
    statement = f"select {asked}('identity', 'messaging', 'usage'), {asked}('public', 'public', 'create')"
    assert deployment.psql("skillmesh", statement) == "f|f"


def test_the_operators_tool_reaches_a_deployment_by_its_environment(deployment: Deployment) -> None:
    assert re.search(r"^identity\.requests +24 +\d+ ", deployment.tool("topics"), re.M)
    assert deployment.tool("dead") == "Nothing is dead.\n"
    names = ["--email", "a@example.org", "--first-name", "A", "--last-name", "B"]
    made = deployment.tool("admin", "create", *names, "--role", "admin")
    assert re.search(r"^[0-9a-f-]{36} is admin\npassword: \w{20}$", made, re.M)
    assert deployment.tool("messaging", "rewrap-keys") == "keys of 0 conversations are sealed anew\n"


def test_clients_come_in_by_tls_over_http_2_and_1_and_are_sent_there_from_plain_http(deployment: Deployment) -> None:
    deployment.start_proxy()
    url = f"https://localhost:{deployment.ports['tls']}/openapi.json"
    deployment.wait("haproxy", lambda: deployment.curl("--http2", url)["http_code"] == 200)
    assert deployment.curl("--http2", url)["http_version"] == "2"
    assert deployment.curl("--http1.1", url)["http_version"] == "1.1"
    plain = deployment.curl(f"http://localhost:{deployment.ports['plain']}/openapi.json")
    assert plain["http_code"] == 308 and plain["redirect_url"].startswith("https://localhost")
    told = get(f"http://127.0.0.1:{deployment.ports['haproxy']}/metrics")[1]
    assert "haproxy_backend_http_responses_total" in told

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", deployment.ports["tls"]), 20) as plain_socket:
        with context.wrap_socket(plain_socket, server_hostname="localhost") as client:
            client.sendall(
                b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            answer = b""
            while b'"sid"' not in answer and (more := client.recv(4096)):
                answer += more
    assert answer.startswith(b"HTTP/1.1 101 ") and b'"pingInterval"' in answer


def test_lag_and_what_is_left_to_do_are_counted(deployment: Deployment) -> None:
    page = deployment.metrics()["messaging"]
    assert re.search(r'^mesh_consumer_lag\{group="messaging"\} 0$', page, re.M)
    assert re.search(r"^mesh_database_up 1$", page, re.M)


def test_everything_comes_back_from_a_backup_as_the_runbook_says(deployment: Deployment) -> None:
    """The runbook's steps, on the processes that are its containers here. The services end by themselves, and in time."""
    known = register(deployment)
    dump = deployment.postgres_tool("pg_dump", "-Fc", "skillmesh")
    assert dump.returncode == 0
    later = register(deployment)
    # None had to be killed when its time was over.
    assert deployment.end(*SERVICES) == dict.fromkeys(SERVICES, 0)
    for statement in ("alter database skillmesh rename to skillmesh_broken", "create database skillmesh"):
        assert deployment.psql("postgres", statement) == ""
    deployment.end("kafka", "redis")
    deployment.start_forgetful_stores()
    assert "new topics" in deployment.tool("provision")
    cleaning = ["--clean", "--if-exists", "--exit-on-error"]
    restored = deployment.postgres_tool("pg_restore", "-d", "skillmesh", *cleaning, input=dump.stdout)
    assert restored.returncode == 0, restored.stderr.decode()
    statements = re.findall(r'-c "((?:insert|update) .*?)"', read("deploy/runbooks/restore.md"), re.S)
    assert len(statements) == 2
    for service in SERVICES[1:]:
        for statement in statements:
            assert deployment.psql("skillmesh", statement.replace("$service", service)) == "", statement
    deployment.start_services()

    assert sign_in(deployment, known) == 200
    assert sign_in(deployment, later) == 401
    left = "select (select count(*) from identity.mesh_unpublished) + (select count(*) from profiles.mesh_unpublished)"
    deployment.wait("postgres", lambda: deployment.psql("skillmesh", left) == "0")
    # What identity tells again has taken effect in profiles before; nothing of it is dead or waits.
    deployment.wait("postgres", lambda: not re.search(r"^\S+\.events .*: [1-9]", deployment.tool("topics"), re.M))
    assert deployment.tool("dead") == "Nothing is dead.\n"


def register(deployment: Deployment) -> str:
    """A new member's address."""
    email = f"{secrets.token_hex(8)}@example.org"
    body = {"email": email, "password": PASSWORD, "firstName": "New", "lastName": "Member"}
    assert deployment.post("/api/v1/auth/register", body)[0] in {201, 202}
    return email


def sign_in(deployment: Deployment, email: str) -> int:
    """The status of the answer."""
    return deployment.post("/api/v1/auth/login", {"email": email, "password": PASSWORD})[0]
