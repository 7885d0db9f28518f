"""Why somebody may or may not: the binding and the rule that say so, or that were meant to."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import scene_with, thing

from kindlabs.diagnosis.access import Asker, why_allowed, why_not_allowed
from kindlabs.kube.access import Question

ROBOT = Asker("system:serviceaccount:lab-02:robot", ("system:serviceaccounts", "system:authenticated"), "")
MIRA = Asker("mira", ("dev", "system:authenticated"), "apps")
PODS, LOGS = Question("list", "pods", "lab-02", ""), Question("get", "pods/log", "lab-02", "")
DEPLOYMENTS = Question("create", "deployments", "lab-02", "")


def role(name: str, *rules: tuple[str, str, str], kind: str = "Role") -> Any:
    """A role of rules (group, resource, verbs), each with one resource."""
    made = [{"apiGroups": [group], "resources": [what], "verbs": verbs.split()} for group, what, verbs in rules]
    return thing(kind, name, rules=made)


def binding(to: str, *subjects: dict[str, str], kind: str = "Role", name: str = "bound") -> Any:
    """A RoleBinding."""
    return thing("RoleBinding", name, roleRef={"kind": kind, "name": to}, subjects=list(subjects))


ACCOUNT = {"kind": "ServiceAccount", "name": "robot", "namespace": "lab-02"}
READER = role("reader", ("", "pods", "get list"))


@pytest.mark.parametrize(
    ("objects", "question", "says", "field"),
    [
        ([], PODS, "No RoleBinding in lab-02 names robot.", ()),
        (
            [READER, binding("reader", ACCOUNT | {"namespace": "default"})],
            PODS,
            "RoleBinding bound names ServiceAccount default/robot; robot is in lab-02.",
            ("subjects", 0),
        ),
        (
            [READER, binding("reader", {"kind": "User", "name": "robot"})],
            PODS,
            "RoleBinding bound names a User robot; robot is a ServiceAccount of lab-02.",
            ("subjects", 0),
        ),
        (
            [READER, binding("reader", ACCOUNT | {"name": "other"})],
            PODS,
            "No RoleBinding in lab-02 names robot.",
            ("subjects",),
        ),
        (
            [READER, binding("raeder", ACCOUNT)],
            PODS,
            "RoleBinding bound gives Role raeder, which does not exist; there is reader.",
            ("roleRef", "name"),
        ),
        (
            [role("reader", ("", "pod", "list")), binding("reader", ACCOUNT)],
            PODS,
            "The resource is called pods; rule pod grants nothing.",
            ("rules", 0, "resources"),
        ),
        (
            [role("reader", ("apps", "pods", "list")), binding("reader", ACCOUNT)],
            PODS,
            "Role reader says pods of apps; pods are in the core group.",
            ("rules", 0, "apiGroups"),
        ),
        (
            [role("reader", ("", "pods", "get watch")), binding("reader", ACCOUNT)],
            PODS,
            "Role reader allows get, watch on pods, not list.",
            ("rules", 0, "verbs"),
        ),
        ([READER, binding("reader", ACCOUNT)], LOGS, "Logs are the subresource pods/log.", ("rules",)),
        (
            [role("reader", ("", "services", "get")), binding("reader", ACCOUNT)],
            PODS,
            "No rule of Role reader is about pods.",
            ("rules",),
        ),
    ],
)
def test_what_is_missing(objects: list[Any], question: Question, says: str, field: tuple[Any, ...]) -> None:
    """The first thing that keeps an account from a right, at the field that is wrong."""
    cause = why_not_allowed(scene_with(*objects, applied=objects), ROBOT, question)
    assert cause is not None
    assert (cause.message, cause.field) == (says, field)


def test_a_group_of_a_certificate() -> None:
    """A binding for another group than the certificate's is told what the certificate says."""
    objects = [
        role("deployer", ("apps", "deployments", "create")),
        binding("deployer", {"kind": "Group", "name": "devs"}),
    ]
    cause = why_not_allowed(scene_with(*objects, applied=objects), MIRA, DEPLOYMENTS)
    assert cause is not None
    assert cause.message == "RoleBinding bound binds group devs; the certificate of mira says dev."


def test_a_user_in_place_of_her_group() -> None:
    """Who is bound herself has her rights; the next one of the group has none."""
    objects = [
        role("deployer", ("apps", "deployments", "create")),
        binding("deployer", {"kind": "User", "name": "mira"}),
    ]
    nina = MIRA._replace(user="nina")
    cause = why_not_allowed(scene_with(*objects, applied=objects), nina, DEPLOYMENTS)
    assert cause is not None
    assert cause.message == "RoleBinding bound binds user mira alone, and not group dev: that gives nina nothing."


def test_an_object_that_a_rule_names() -> None:
    """A rule for one name is too much when that one is asked for, and is none for others."""
    named = role("named", ("", "pods", "list"))
    named["rules"][0]["resourceNames"] = ["one"]
    scene = scene_with(named, binding("named", ACCOUNT))
    assert why_allowed(scene, ROBOT, PODS) is None
    cause = why_allowed(scene, ROBOT, PODS._replace(name="one"))
    assert cause is not None
    assert cause.message == "Role named lets robot list pods one in lab-02."


def test_what_is_not_the_learners_does_not_bind() -> None:
    """Kubernetes' own bindings, which name everybody who is known, are no answer to who should be bound."""
    everybody = binding("basic", {"kind": "Group", "name": "system:authenticated"}, kind="ClusterRole", name="basic")
    mine = binding("reader", ACCOUNT | {"namespace": "default"})
    cause = why_not_allowed(scene_with(everybody, READER, mine, applied=[READER, mine]), ROBOT, PODS)
    assert cause is not None
    assert cause.reason == "WrongSubject"


@pytest.mark.parametrize(
    ("objects", "says", "field"),
    [
        (
            [role("all", ("*", "*", "*")), binding("all", ACCOUNT)],
            "Role all lets robot list pods in lab-02.",
            ("rules", 0),
        ),
        (
            [role("some", ("", "services", "get"), ("", "pods", "list")), binding("some", ACCOUNT)],
            "Role some lets robot list pods in lab-02.",
            ("rules", 1),
        ),
        (
            [
                role("edit", ("", "pods", "*"), kind="ClusterRole"),
                binding("edit", {"kind": "Group", "name": "system:serviceaccounts"}, kind="ClusterRole"),
            ],
            "RoleBinding bound binds group system:serviceaccounts, and so lets robot list pods in lab-02.",
            ("subjects", 0),
        ),
        (
            [
                role("edit", ("", "pods", "*"), kind="ClusterRole"),
                binding("edit", {"kind": "ServiceAccount", "name": "robot"}, kind="ClusterRole"),
            ],
            "ClusterRole edit lets robot list pods in lab-02, by RoleBinding bound.",
            ("roleRef", "name"),
        ),
    ],
)
def test_what_is_too_much(objects: list[Any], says: str, field: tuple[Any, ...]) -> None:
    """The rule that allows it is to blame; where the role is Kubernetes' own, the binding."""
    for each in objects:
        if each["kind"] == "ClusterRole":
            each["metadata"].pop("namespace", None)
    cause = why_allowed(scene_with(*objects, applied=objects), ROBOT, PODS)
    assert cause is not None
    assert (cause.message, cause.field) == (says, field)


def test_nothing_to_tell() -> None:
    """What no rule allows has no cause."""
    assert why_allowed(scene_with(READER, binding("reader", ACCOUNT)), ROBOT, LOGS) is None
