"""Where an Ingress leads, told from lab 03's solution with something changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from kindlabs.diagnosis.cause import Scene
from kindlabs.diagnosis.ingress import why_host_answers, why_host_does_not_answer, why_led_elsewhere
from kindlabs.kube.world import World

SOLUTION = Path(__file__).parents[2] / "fixtures" / "03-ingress-certificates" / "solution"
CLASS = {
    "kind": "IngressClass",
    "metadata": {"name": "traefik"},
    "spec": {"controller": "traefik.io/ingress-controller"},
}
HOST = "web.localhost"
TRAEFIK = "traefik.ingress.kubernetes.io/"


def solution(kind: str) -> dict[str, Any]:
    """An object of the solution, as the API server would send it."""
    thing: dict[str, Any] = yaml.safe_load((SOLUTION / f"{kind}.yaml").read_text())
    thing["metadata"] |= {"namespace": "lab-03", "uid": kind}
    return thing


def rule(*paths: str, host: str = HOST, service: str = "web") -> dict[str, Any]:
    """A rule with prefixes; a path that begins with ``=`` is Exact."""
    backend = {"service": {"name": service, "port": {"number": 80}}}
    entries = [
        {"path": path.lstrip("="), "pathType": "Exact" if path[0] == "=" else "Prefix", "backend": backend}
        for path in paths
    ]
    return ({"host": host} if host else {}) | {"http": {"paths": entries}}


def ingress(*rules: dict[str, Any], name: str = "web", **annotations: str) -> dict[str, Any]:
    """The solution's Ingress with other rules and annotations of Traefik's."""
    thing = solution("ingress")
    thing["metadata"] |= {"name": name, "annotations": {TRAEFIK + key: value for key, value in annotations.items()}}
    thing["spec"]["rules"] = list(rules)
    return thing


def scene(*objects: dict[str, Any]) -> Scene:
    """A scene of these objects, and of the solution's Service, whose Pods nobody finds anything wrong with."""
    pod = solution("deployment")["spec"]["template"] | {"kind": "Pod", "status": {"podIP": "10.0.0.1"}}
    pod["metadata"] |= {"name": "web-1", "namespace": "lab-03", "uid": "pod"}
    pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    own = [o for o in objects if o["kind"] == "Service"] or [solution("service")]
    there = [*(o for o in objects if o["kind"] != "Service"), *own, CLASS, pod]

    class Fixed:
        def get(self, kind: str, name: str, _namespace: str | None = None) -> Any:
            return next((o for o in self.list(kind) if o["metadata"]["name"] == name), None)

        def list(self, kind: str, _namespace: str | None = None, _labels: object = None) -> list[Any]:
            return [o for o in there if o["kind"] == kind]

    return Scene(cast("World", Fixed()), listens=lambda _pod, port: port == 8080)


@pytest.mark.parametrize(
    ("rules", "path", "says"),
    [
        ([rule("/hostname")], "/", "Ingress web has no path for web.localhost/; it names /hostname."),
        (
            [rule("=/", "/hostname")],
            "/x",
            "Ingress web has no path for web.localhost/x; it names / (Exact), /hostname.",
        ),
        ([rule("/.*")], "/hostname", "Ingress web has no path for web.localhost/hostname; it names /.*."),
        (
            [rule("/", host="a.localhost"), {"host": HOST}],
            "/",
            "Ingress web names web.localhost, but no path and no Service for it.",
        ),
        ([rule("/")], "/", None),
        ([rule("/hostname", "/")], "/x", None),
        ([rule("/", host="*.localhost")], "/", None),
    ],
)
def test_a_path_without_a_way_is_told(rules: list[dict[str, Any]], path: str, says: str | None) -> None:
    """A path that no rule leads anywhere is named, with the paths that the host has."""
    cause = why_host_does_not_answer(scene(ingress(*rules)), HOST, "lab-03", path)
    assert (cause.message if cause else None) == says
    assert cause is None or cause.final


def test_a_default_backend_beside_rules_is_no_way() -> None:
    """Traefik passes over the defaultBackend of an Ingress that has rules."""
    both = ingress(rule("/hostname"))
    both["spec"]["defaultBackend"] = {"service": {"name": "web", "port": {"number": 80}}}
    cause = why_host_does_not_answer(scene(both), HOST, "lab-03", "/")
    assert cause is not None
    assert cause.reason == "NoRuleForPath"
    assert why_host_answers(scene(both), "other.localhost", "lab-03") is None


@pytest.mark.parametrize(
    ("ingresses", "says"),
    [
        (
            [ingress(rule("/")), ingress(rule("/", service="api"), name="x")],
            "Ingress x sends web.localhost/ to Service api",
        ),
        (
            [ingress(rule("/"), rule("=/api", service="api"))],
            "Ingress web sends web.localhost/api (Exact) to Service api",
        ),
        ([ingress(rule("/hostname")), ingress(rule("/"), name="x")], ""),
        ([ingress(rule("/")), ingress(rule("/"), name="x")], ""),
        ([ingress(rule("=/api", "/api", "/"), rule("/", host="a.localhost", service="api"))], ""),
        ([ingress(rule("/"), rule("/api", host="", service="api"))], ""),
    ],
)
def test_a_host_that_is_not_one_services_alone_is_told(ingresses: list[dict[str, Any]], says: str) -> None:
    """Every rule for a host leads to the one Service, by as many paths and Ingresses as it likes."""
    cause = why_led_elsewhere(scene(*ingresses), HOST, "lab-03", "web")
    assert (cause.message if cause else "").startswith(says)
    assert bool(cause) == bool(says)


@pytest.mark.parametrize(("host", "is_told"), [("", True), ("*.localhost", True), ("a.localhost", False)])
def test_a_rule_for_every_host_is_told_wherever_it_leads(host: str, is_told: bool) -> None:
    """A rule that lets other hosts through is found by its host, whatever its path."""
    cause = why_host_answers(scene(ingress(rule("/"), rule("/foo", host=host))), "other.localhost", "lab-03")
    assert bool(cause) == is_told
    assert cause is None or cause.field == ("spec", "rules", 1, "host")


@pytest.mark.parametrize(
    ("annotations", "blamed"),
    [
        ({"router.tls": "true", "router.middlewares": "lab-03-a@kubernetescrd"}, "router.middlewares"),
        ({"router.entrypoints": "web"}, "router.entrypoints"),
        ({"router.entrypoint": "websecure"}, "router.entrypoint"),
        ({"router.entrypoints": "web, websecure", "router.tls": "true", "router.priority": "7"}, None),
    ],
)
def test_only_an_annotation_that_alters_something_is_blamed(annotations: dict[str, str], blamed: str | None) -> None:
    """Of Traefik's annotations, those are passed over with which HTTPS is served as before."""
    cause = why_host_does_not_answer(scene(ingress(rule("/"), **annotations)), HOST, "lab-03")
    assert (cause.field[-1] if cause else None) == (blamed and TRAEFIK + blamed)


@pytest.mark.parametrize(
    ("name", "number", "field"), [("https", 80, "name"), ("secure", 443, "port"), ("http", 80, "")]
)
def test_a_port_to_which_traefik_speaks_https_is_told(name: str, number: int, field: str) -> None:
    """Traefik goes by the name and the number of a Service's port, not by what the Pods speak."""
    service = solution("service")
    service["spec"]["ports"] = [{"name": name, "port": number, "targetPort": 8080}]
    backend = {"service": {"name": "web", "port": {"name": name}}}
    leads = ingress({"host": HOST, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}})
    cause = why_host_does_not_answer(scene(leads, service), HOST, "lab-03")
    assert (cause.field if cause else ()) == (("spec", "ports", 0, field) if field else ())
