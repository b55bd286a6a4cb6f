"""The manifests are well-formed, agree with one another and with the programs."""

from __future__ import annotations

import re
from functools import cache

import kubernetes_validate
import yaml

from support.deployment import Deployment
from support.kustomize import containers, render
from support.options import names, options, variables
from support.sources import ROOT, SERVICES, ops_port, read
from test_compose import longest_end, seconds

# The oldest Kubernetes that is supported, the first that labels a pod with its number by default, and the newest.
VERSIONS = ["1.28", kubernetes_validate.latest_version()]


@cache
def manifests() -> list[dict]:
    return render(ROOT / "deploy/kubernetes/base")


def of(kind: str) -> dict[str, dict]:
    """The manifests of a kind, by name."""
    return {doc["metadata"]["name"]: doc for doc in manifests() if doc["kind"] == kind}


def templates() -> list[dict]:
    """Everything that makes pods."""
    return [doc for doc in manifests() if containers(doc)]


def pod(document: dict) -> dict:
    return document["spec"]["template"]["spec"]


def test_manifests_are_what_kubernetes_takes() -> None:
    for document in manifests():
        # KEDA's are looked at below.
        for version in VERSIONS if document["kind"] != "ScaledObject" else []:
            kubernetes_validate.validate(document, version, strict=True)
    assert set(of("StatefulSet")) == set(SERVICES)


def test_every_variable_is_an_option_of_its_program_and_what_is_required_is_there() -> None:
    shared = set(of("ConfigMap")["mesh"]["data"])
    assert shared <= set().union(*(variables(name) for name in [*SERVICES, "mesh"]))
    for document in templates():
        container = containers(document)[0]
        name = container.get("args", ["mesh"])[0]
        given = {variable["name"] for variable in container["env"]}
        assert given <= variables(name), document["metadata"]["name"]
        for option in options(name):
            assert not option.is_required or given | shared & set(names(option)), (name, option.variable)


def test_secrets_are_mounted_where_variables_look_and_are_in_the_template() -> None:
    template = {}
    for document in yaml.safe_load_all(read("deploy/kubernetes/secrets.template.yaml")):
        template[document["metadata"]["name"]] = set(document["stringData"])
    used = {"kafka"}
    for document in templates():
        volumes = {volume["name"]: volume for volume in pod(document)["volumes"]}
        secret = volumes["secrets"]["secret"]["secretName"]
        used.add(secret)
        container = containers(document)[0]
        mount = next(one["mountPath"] for one in container["volumeMounts"] if one["name"] == "secrets")
        files = {
            variable["value"].removeprefix(f"{mount}/")
            for variable in container["env"]
            if variable["name"].endswith("_FILE")
        }
        if any(variable["name"] == "SERVICE_SECRETS" for variable in container["env"]):
            files |= {f"{service}-database-url" for service in SERVICES if service != "gateway"}
        assert files == template[secret], secret
    assert used == set(template)


def test_pods_have_the_least_rights_and_bounds() -> None:
    for document in templates():
        spec, container = pod(document), containers(document)[0]
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["seccompProfile"]
        assert spec["automountServiceAccountToken"] is False
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]


def test_probes_ask_the_operations_page_and_the_drain_fits_the_grace() -> None:
    for name, document in of("StatefulSet").items():
        container = containers(document)[0]
        assert {"name": "ops", "containerPort": ops_port()} in container["ports"]
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "ops"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "ops"}
        drain = next(option for option in options(name) if option.variable == "DRAIN_TIME")
        before = int(container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [0, 0])[1])
        assert pod(document)["terminationGracePeriodSeconds"] >= before + longest_end(name, seconds(drain.left_out))
    assert of("ConfigMap")["mesh"]["data"]["OPS_ADDRESS"] == f"0.0.0.0:{ops_port()}"


def test_selectors_find_the_pods_that_they_are_for() -> None:
    labels = {name: one["spec"]["template"]["metadata"]["labels"] for name, one in of("StatefulSet").items()}
    for name, document in of("StatefulSet").items():
        assert document["spec"]["selector"]["matchLabels"].items() <= labels[name].items()
        assert document["spec"]["serviceName"] in of("Service")
    assert of("Service")["gateway"]["spec"]["selector"].items() <= labels["gateway"].items()
    assert all(of("Service")["operators"]["spec"]["selector"].items() <= one.items() for one in labels.values())
    budgets = of("PodDisruptionBudget")
    assert set(budgets) == set(SERVICES)
    for name, budget in budgets.items():
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels[name].items()
    for policy in of("NetworkPolicy").values():
        wanted = policy["spec"]["podSelector"].get("matchLabels", {})
        assert any(wanted.items() <= one.items() for one in labels.values()), policy["metadata"]["name"]
    needs_postgres = {name for name in SERVICES if "DATABASE_URL" in variables(name)}
    assert needs_postgres == {name for name, one in labels.items() if one.get("skillmesh/postgres")}
    assert {name for name in SERVICES if "REDIS_URL" in variables(name)} == {
        name for name, one in labels.items() if one.get("skillmesh/redis")
    }


def test_replicas_follow_groups_that_exist_and_no_more_than_have_partitions(deployment: Deployment) -> None:
    groups = set(re.findall(r'mesh_consumer_lag\{group="([^"]+)"', "".join(deployment.metrics().values())))
    scaled = of("ScaledObject")
    assert set(scaled) == set(SERVICES)
    partitions = int(re.search(r"topicPartitions = (\d+)", read("Shared/Kafka/KafkaConfiguration.swift"))[1])
    followed = set()
    for name, document in scaled.items():
        spec = document["spec"]
        assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name}
        assert 2 <= spec["minReplicaCount"] < spec["maxReplicaCount"] <= partitions
        for trigger in spec["triggers"]:
            if trigger["type"] == "kafka":
                metadata = trigger["metadata"]
                assert metadata["bootstrapServers"] == of("ConfigMap")["mesh"]["data"]["KAFKA_BROKERS"]
                assert metadata["consumerGroup"].split(".")[0] == name
                followed.add(metadata["consumerGroup"])
    assert followed == groups
