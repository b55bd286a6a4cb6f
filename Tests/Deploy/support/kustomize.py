"""As much of kustomize as deploy/kubernetes/base uses: resources, strategic merge patches, labels, images, generators."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

# What tells the elements of a list apart, as Kubernetes' types say (patchMergeKey).
MERGE_KEYS = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath", "ports": "containerPort"}


def render(base: Path) -> list[dict[str, Any]]:
    """The manifests that `kubectl apply -k` would apply."""
    plan = yaml.safe_load((base / "kustomization.yaml").read_text())
    known = {"apiVersion", "kind", "namespace", "resources", "labels", "images", "configMapGenerator", "patches"}
    assert set(plan) <= known, f"kustomization.yaml uses what is not known here: {set(plan) - known}"
    documents = [doc for name in plan["resources"] for doc in yaml.safe_load_all((base / name).read_text())]
    for patch in plan["patches"]:
        body = yaml.safe_load((base / patch["path"]).read_text())
        for document in documents:
            if matches(document, patch["target"]):
                merge(document, {key: value for key, value in body.items() if key != "metadata"})
    for generated in plan["configMapGenerator"]:
        data = dict(literal.split("=", 1) for literal in generated["literals"])
        documents.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generated["name"]}, "data": data})
    for document in documents:
        if document["kind"] != "Namespace":
            document["metadata"]["namespace"] = plan["namespace"]
        for labels in plan["labels"]:
            add_labels(document, labels["pairs"], in_templates=labels["includeTemplates"])
        for container in containers(document):
            for image in plan["images"]:
                if container["image"] == image["name"]:
                    container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
    return documents


def matches(document: dict[str, Any], target: dict[str, str]) -> bool:
    """Whether a patch is for this document."""
    labels = document["metadata"].get("labels", {})
    wanted = dict(part.split("=") for part in target.get("labelSelector", "").split(",") if part)
    return document["kind"] == target["kind"] and wanted.items() <= labels.items()


def merge(document: dict[str, Any], patch: dict[str, Any]) -> None:
    """A strategic merge: mappings go into one another, elements of lists with the same key too. The patch wins."""
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(document.get(key), dict):
            merge(document[key], value)
        elif isinstance(value, list) and key in MERGE_KEYS and isinstance(document.get(key), list):
            for element in value:
                name = MERGE_KEYS[key]
                same = next((one for one in document[key] if one[name] == element[name]), None)
                if same is None:
                    document[key].append(deepcopy(element))
                else:
                    merge(same, element)
        else:
            document[key] = deepcopy(value)


def add_labels(document: dict[str, Any], labels: dict[str, str], in_templates: bool) -> None:
    """Puts labels on a document and on the pods that it makes."""
    document["metadata"].setdefault("labels", {}).update(labels)
    template = document.get("spec", {}).get("template")
    if in_templates and template:
        template["metadata"].setdefault("labels", {}).update(labels)


def containers(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The containers of the pods that a document makes."""
    return document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
