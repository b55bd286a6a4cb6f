"""The compose file without an engine: the built programs with its environment, its commands and its secrets."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from support.sources import ROOT, SERVICES, dockerfile_environment, program, read, run

POSTGRES = "/usr/lib/postgresql/15/bin"


@cache
def compose() -> dict[str, Any]:
    """The compose file as docker-compose understands it, all profiles included."""
    text = run("docker-compose", "--profile", "tools", "--profile", "observe", "config", cwd=ROOT)
    return yaml.safe_load(text)


class Ports:
    """Ports that nobody listens on, ours until the process ends: reserved by the same names as `mesh up` does, and below
    those that the system gives to outgoing connections."""

    def __init__(self) -> None:
        self.reservations: list[socket.socket] = []

    def choose(self) -> int:
        for port in random.sample(range(28000, 32000), 1000):
            reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                reservation.bind(f"\0skillmesh-port-{port}")
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            except OSError:
                reservation.close()
                continue
            self.reservations.append(reservation)
            return port
        raise AssertionError("no port is free")


def get(url: str | urllib.request.Request) -> tuple[int, str]:
    """A page and its status; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


class Deployment:
    """PostgreSQL, Redis, the broker in Kafka's place, and every service, from `with` to its end."""

    def __enter__(self) -> Deployment:
        self.folder = Path(tempfile.mkdtemp(prefix="deployment-"))
        # PostgreSQL's user must get through when the tests run as root.
        self.folder.chmod(0o755)
        names = ["postgres", "kafka", "redis", "gateway", "tls", "plain", "haproxy", "broker-ops", *SERVICES]
        self.chosen = Ports()
        self.ports = {name: self.chosen.choose() for name in [*names, *(f"{service}-ops" for service in SERVICES)]}
        self.secrets = self.folder / "secrets"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self.made = self.make_secrets()
            self.start_stores()
            self.provisioned = self.tool("provision")
            self.start_services()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end(*SERVICES, "haproxy")
        self.end("kafka", "redis", "postgres")
        subprocess.run(["rm", "-r", str(self.folder)], check=False)

    def make_secrets(self) -> set[str]:
        """Has `mesh secrets` make them; returns the files' names."""
        addresses = [f"--{store}=127.0.0.1:{self.ports[store]}" for store in ("postgres", "redis")]
        listed = run(program("mesh"), "secrets", str(self.secrets), *addresses)
        (self.secrets / "smtp-url").write_text("smtp://127.0.0.1:25")
        return {Path(line).name for line in listed.splitlines()}

    def start_stores(self) -> None:
        """Starts what the services stand on, as the compose file does where our machine has the same program."""
        home = self.folder / "postgres"
        home.mkdir()
        password = self.folder / "password"
        password.write_bytes((self.secrets / "postgres-password").read_bytes())
        user = []
        if os.getuid() == 0:
            for path in (home, password):
                run("chown", "postgres:", str(path))
            user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        arguments = compose()["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
        made = ["-D", f"{home}/data", "-U", "postgres", "--pwfile", str(password), "--no-sync", *arguments]
        run(*user, f"{POSTGRES}/initdb", *made, cwd=home)
        settings = compose()["services"]["postgres"]["command"][1:]
        listening = ["-D", f"{home}/data", "-p", str(self.ports["postgres"]), "-h", "127.0.0.1", "-k", "", "-F"]
        self.start("postgres", [*user, f"{POSTGRES}/postgres", *listening, *settings], dict(os.environ), cwd=home)
        self.wait("postgres", lambda: self.psql("postgres", "select 1") == "1")
        self.psql("postgres", "create database skillmesh")
        self.start_forgetful_stores()

    def start_forgetful_stores(self) -> None:
        """Starts Redis and the broker, with nothing in them."""
        redis = compose()["services"]["redis"]["command"]
        here = f"redis-server - --port {self.ports['redis']} --bind 127.0.0.1"
        script = self.local(redis[2]).replace("$$", "$").replace("redis-server -", here, 1)
        self.start("redis", [*redis[:2], script], dict(os.environ), cwd=self.folder)
        kafka = ["--data", f"{self.folder}/kafka", "--listen", f"127.0.0.1:{self.ports['kafka']}"]
        kafka += ["--ops", f"127.0.0.1:{self.ports['broker-ops']}"]
        subprocess.run(["rm", "-rf", f"{self.folder}/kafka"], check=True)
        self.start("kafka", [program("broker"), *kafka], dict(os.environ))

    def start_services(self) -> None:
        """Starts all, and waits until they are ready."""
        for service in SERVICES:
            self.start(service, [program(service)], self.environment(service))
        for service in SERVICES:
            self.wait(service, lambda: get(f"{self.ops(service)}/readyz")[0] == 200)

    def postgres_tool(self, *command: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """Runs a program of PostgreSQL as its superuser."""
        environment = os.environ | {"PGPASSWORD": (self.secrets / "postgres-password").read_text()}
        address = ["-h", "127.0.0.1", "-p", str(self.ports["postgres"]), "-U", "postgres"]
        program, *arguments = command
        return subprocess.run([f"{POSTGRES}/{program}", *address, *arguments], env=environment, capture_output=True, **more)

    def psql(self, database: str, statement: str) -> str | None:
        """What a statement of the superuser answers; nil where the server does not."""
        done = self.postgres_tool("psql", "-XAtq", "-d", database, "-c", statement)
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def local(self, text: str) -> str:
        """A value of the compose file, for this machine."""
        text = text.replace("/run/secrets", str(self.secrets)).replace("kafka:9092", f"127.0.0.1:{self.ports['kafka']}")
        text = text.replace("0.0.0.0:8080", f"127.0.0.1:{self.ports['gateway']}").replace("172.31.240.0/24", "127.0.0.0/8")
        return text.replace("/var/lib/skillmesh", str(self.folder))

    def environment(self, service: str) -> dict[str, str]:
        """What a container of the service is told, and nothing of this machine."""
        told = {"SERVICE_SECRETS": "/run/secrets"} if service == "provision" else {}
        told |= dockerfile_environment() | compose()["services"][service]["environment"]
        variables = {name: self.local(str(value)) for name, value in told.items()}
        if service in SERVICES:
            variables["OPS_ADDRESS"] = f"127.0.0.1:{self.ports[f'{service}-ops']}"
        for name in ("media", "spool"):
            (self.folder / name).mkdir(exist_ok=True)
        return {"PATH": os.environ["PATH"]} | variables

    def tool(self, *words: str) -> str:
        """What the operator's tool says in a container: of `provision`, or of `operator`."""
        service = "provision" if words == ("provision",) else "operator"
        return run(program("mesh"), *words, env=self.environment(service), cwd=self.folder)

    def ops(self, service: str) -> str:
        """Where a service answers its operators."""
        return f"http://127.0.0.1:{self.ports[f'{service}-ops']}"

    def start(self, name: str, command: list[str], environment: dict[str, str], **more: Any) -> None:
        """Starts a process; what it writes is kept beside its data."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log, **more)

    def wait(self, name: str, condition, limit: float = 60) -> None:
        """Waits until something holds, as long as its process lives."""
        deadline = time.monotonic() + limit
        while not condition():
            ended = self.processes[name].poll()
            assert ended is None and time.monotonic() < deadline, f"{name} ({ended}): {self.log(name)}"
            time.sleep(0.02)

    def log(self, name: str) -> str:
        """The end of what a process has written."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def end(self, *names: str) -> dict[str, int]:
        """Asks processes to end, as compose would, all at once; returns their statuses."""
        running = {name: self.processes.pop(name) for name in names if name in self.processes}
        for name, process in running.items():
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
        statuses = {}
        for name, process in running.items():
            try:
                statuses[name] = process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                statuses[name] = process.wait()
        return statuses

    def start_proxy(self) -> None:
        """Starts HAProxy with our configuration, a certificate made up here, and the one gateway in place of its search."""
        pem, key = self.secrets / "tls.pem", self.folder / "key.pem"
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(pem), *subject)
        pem.write_text(pem.read_text() + key.read_text())
        text = self.local(read("deploy/haproxy/haproxy.cfg"))
        server = f"server gateway 127.0.0.1:{self.ports['gateway']} check port {self.ports['gateway-ops']} inter 100ms"
        text, found = re.subn(r"server-template .*", server, text)
        assert found == 2
        # Our own limit of descriptors may be lower than the container's.
        text = text.replace("maxconn 60000", "maxconn 500")
        for port, name in ((8443, "tls"), (8080, "plain"), (8405, "haproxy")):
            text = text.replace(f"bind :{port}", f"bind 127.0.0.1:{self.ports[name]}")
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(text)
        self.start("haproxy", ["haproxy", "-db", "-f", str(configuration)], dict(os.environ))
        self.wait("haproxy", lambda: get(f"http://127.0.0.1:{self.ports['haproxy']}/healthz")[0] == 200)

    def metrics(self) -> dict[str, str]:
        """The pages of all programs, by name."""
        pages = {service: get(f"{self.ops(service)}/metrics")[1] for service in SERVICES}
        return pages | {"broker": get(f"http://127.0.0.1:{self.ports['broker-ops']}/metrics")[1]}

    def post(self, path: str, body: dict[str, str]) -> tuple[int, str]:
        """What the gateway answers."""
        url = f"http://127.0.0.1:{self.ports['gateway']}{path}"
        return get(urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"}))

    def curl(self, *arguments: str) -> dict[str, Any]:
        """What curl says of one request through the proxy."""
        told = run("curl", "-sk", "-o", "/dev/null", "-w", "%{json}", "--max-time", "20", *arguments)
        return json.loads(told)
