"""docker-compose.yml says what the programs understand, and gives nobody more than they need."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from support.deployment import compose
from support.options import options, variables
from support.sources import ROOT, SERVICES, dockerfile_environment, ops_port, read, run

# Those that end by themselves.
ONCE = {"operator", "provision"}
# Made by hand: what `mesh secrets` cannot know.
BY_HAND = {"grafana-password", "smtp-url", "tls.pem"}


def ours() -> dict[str, dict]:
    """The containers of our image."""
    return {name: one for name, one in compose()["services"].items() if one["image"].startswith("skillmesh:")}


def seconds(text: str) -> float:
    """A duration of compose or of our options, in seconds."""
    units = {"s": 1, "m": 60, "h": 3600}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([smh])", text))


def test_every_variable_is_an_option_of_its_program() -> None:
    assert set(ours()) == {*SERVICES, *ONCE}
    for name, container in ours().items():
        program = name if name in SERVICES else "mesh"
        assert set(container["environment"]) <= variables(program), name
    everyones = set().union(*(variables(name) for name in [*SERVICES, "mesh", "broker"]))
    assert set(dockerfile_environment()) <= everyones


def test_each_container_is_given_the_secrets_that_it_names_and_no_others() -> None:
    for name, container in compose()["services"].items():
        given = {secret["source"] for secret in container.get("secrets", [])}
        text = " ".join(map(str, [*container.get("environment", {}).values(), *(container.get("command") or [])]))
        if name == "haproxy":
            text = read("deploy/haproxy/haproxy.cfg")
        named = set(re.findall(r"/run/secrets/([\w.-]+)", text))
        if name == "provision":
            named |= {f"{service}-database-url" for service in SERVICES if service != "gateway"}
        assert given == named, name
    used = {secret["source"] for one in compose()["services"].values() for secret in one.get("secrets", [])}
    assert used == set(compose()["secrets"])


def test_each_container_has_the_least_rights_and_bounds() -> None:
    for name, container in compose()["services"].items():
        assert container["cap_drop"] == ["ALL"] and "cap_add" not in container, name
        assert container["security_opt"] == ["no-new-privileges:true"], name
        assert not container.get("privileged") and container.get("restart"), name
        assert container["deploy"]["resources"]["limits"].keys() >= {"cpus", "memory"}, name
        assert container.get("read_only") or name == "kafka", name


def test_each_container_that_stays_says_how_it_is() -> None:
    for name, container in compose()["services"].items():
        if name in SERVICES:
            # The image's own health check.
            assert "healthcheck" not in container
        elif name in ONCE:
            assert container["healthcheck"] == {"test": ["NONE"]}
        elif "observe" not in container.get("profiles", []):
            assert container["healthcheck"]["test"], name


def test_nobody_but_the_gateway_is_beside_the_proxy_and_nobody_but_the_proxy_is_outside() -> None:
    services = compose()["services"]
    core = {name: one for name, one in services.items() if "observe" not in one.get("profiles", [])}
    assert {name for name, one in core.items() if "edge" in one["networks"]} == {"gateway", "haproxy"}
    assert {name for name, one in core.items() if one.get("ports")} == {"haproxy"}
    for name, one in services.items():
        if "observe" in one.get("profiles", []):
            assert all(str(port).startswith("127.0.0.1:") for port in one.get("ports", [])), name
    networks = compose()["networks"]
    assert {name for name, one in networks.items() if not one.get("internal")} == {"public", "mail", "observe"}
    assert {name for name, one in core.items() if {"public", "mail"} & set(one["networks"])} == {"haproxy", "identity"}


def test_ports_agree() -> None:
    port = ops_port()
    dockerfile = read("deploy/docker/Dockerfile")
    assert f"http://127.0.0.1:{port}/readyz" in dockerfile and f"EXPOSE 8080 {port}" in dockerfile
    proxy = read("deploy/haproxy/haproxy.cfg")
    assert proxy.count(f"gateway:8080 check port {port} ") == 2
    assert str(compose()["services"]["gateway"]["environment"]["GATEWAY_LISTEN"]).endswith(":8080")
    assert [port["target"] for port in compose()["services"]["haproxy"]["ports"]] == [8443, 8080]
    assert "bind :8443 " in proxy and "bind :8080\n" in proxy
    # A connection through the proxy takes two descriptors.
    most = int(re.search(r"maxconn (\d+)", proxy)[1])
    assert compose()["services"]["haproxy"]["ulimits"]["nofile"]["soft"] > 2 * most + 1000
    subnet = compose()["networks"]["edge"]["ipam"]["config"][0]["subnet"]
    assert compose()["services"]["gateway"]["environment"]["GATEWAY_TRUSTED_PROXIES"] == subnet


def test_a_container_has_the_time_to_finish_what_it_has_begun() -> None:
    for name in SERVICES:
        drain = next(option for option in options(name) if option.variable == "DRAIN_TIME")
        longest = longest_end(name, seconds(drain.left_out))
        assert seconds(compose()["services"][name]["stop_grace_period"]) >= longest, name


def longest_end(name: str, drain: float) -> float:
    """What ending may take: a service drains its activity, timers, events and requests one after the other and then closes
    its producers (`MeshService.drain`); a gateway drains sockets and requests at once (`GatewayProcess.stop`)."""
    return drain + 10 if name == "gateway" else 4 * drain + 11


def test_a_second_replica_is_what_the_readme_says(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(  messaging-1:.*?)```", read("deploy/README.md"), re.S)[1]
    text = read("docker-compose.yml")
    assert text.count("\nnetworks:\n") == 1
    file = tmp_path / "docker-compose.yml"
    file.write_text(text.replace("\nnetworks:\n", f"\n{block}\nnetworks:\n"))
    told = yaml.safe_load(run("docker-compose", "--project-directory", str(ROOT), "-f", str(file), "config"))["services"]
    second = told.pop("messaging-1")
    assert second["environment"].pop("REPLICA") == 1
    assert second == told["messaging"]
