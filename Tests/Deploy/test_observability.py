"""Rules and dashboards speak of metrics that the programs have, and alerts of runbooks that exist."""

from __future__ import annotations

import json
import re

import yaml

from support.deployment import Deployment
from support.sources import ROOT, read, run

# What others tell: Prometheus itself, and the kubelet.
ELSEWHERE = {"up", "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}
# Words of PromQL that look like metrics.
WORDS = {"by", "or", "and", "le", "bool", "sum", "max", "min", "rate", "topk", "time", "changes", "increase", "on"}


def rules() -> list[dict]:
    groups = yaml.safe_load(read("deploy/prometheus/rules.yml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict]:
    return [rule for rule in rules() if "alert" in rule]


def dashboards() -> dict[str, dict]:
    return {path.name: json.loads(path.read_text()) for path in (ROOT / "deploy/grafana/dashboards").glob("*.json")}


def expressions() -> list[str]:
    """Every expression of rules and dashboards."""
    panels = [panel for page in dashboards().values() for panel in page["panels"]]
    return [rule["expr"] for rule in rules()] + [one["expr"] for panel in panels for one in panel.get("targets", [])]


def metrics(expression: str) -> set[str]:
    """The metrics that an expression names."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|without|on)\s*\([^)]*\)", " ", expression)
    found = set(re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", bare))
    return {name for name in found if not re.search(rf"\b{name}\s*\(", bare)} - WORDS


def test_rules_are_well_formed_and_do_what_their_tests_say() -> None:
    folder = ROOT / "deploy/prometheus"
    run("promtool", "check", "config", "prometheus.yml", cwd=folder)
    assert "SUCCESS" in run("promtool", "test", "rules", "tests/rules.yml", cwd=folder)


def test_every_alert_is_tried_and_names_a_runbook() -> None:
    tried = set()
    for test in yaml.safe_load(read("deploy/prometheus/tests/rules.yml"))["tests"]:
        tried |= {one["alertname"] for one in test["alert_rule_test"] if one.get("exp_alerts")}
    assert tried == {rule["alert"] for rule in alerts()}
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert (ROOT / rule["annotations"]["runbook"]).exists(), rule["alert"]


def test_every_metric_of_rules_and_dashboards_is_told_by_a_program(deployment: Deployment) -> None:
    pages = "\n".join(deployment.metrics().values())
    told = set(re.findall(r"^([a-zA-Z_:][\w:]*)[ {]", pages, re.M)) | ELSEWHERE
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    named = set().union(*(metrics(expression) for expression in expressions()))
    assert len(named) > 60
    assert named - recorded - told == set()


def test_every_metric_of_the_services_is_on_a_dashboard_or_in_a_rule(deployment: Deployment) -> None:
    named = set().union(*(metrics(expression) for expression in expressions()))
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in named}
    told = set()
    for name, page in deployment.metrics().items():
        if name != "broker":
            told |= set(re.findall(r"^# TYPE (\w+)", page, re.M))
    assert {name for name in told if not name.startswith("process_")} - bases == set()


def test_dashboards_have_names_of_their_own_and_say_what_they_show() -> None:
    pages = dashboards()
    assert len({page["uid"] for page in pages.values()}) == len(pages) == 3
    for name, page in pages.items():
        assert name == f"{page['uid']}.json" and page["description"]
        ids = [panel["id"] for panel in page["panels"]]
        assert len(ids) == len(set(ids))
