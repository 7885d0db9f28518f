"""What a Pod's fields mean for its containers."""

from __future__ import annotations

from typing import Any

import pytest

from kindlabs.diagnosis.containers import answer_field, restart_policy

ON_ONE = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]
NOT_ON_TWO = [{"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [2]}}]


@pytest.mark.parametrize(
    ("own", "policy", "field"),
    [
        ({}, "Never", ("spec", "restartPolicy")),
        ({"restartPolicy": "Always"}, "Always", ("spec", "containers", 0, "restartPolicy")),
        ({"restartPolicyRules": ON_ONE}, "Always", ("spec", "containers", 0, "restartPolicyRules")),
        ({"restartPolicyRules": NOT_ON_TWO}, "Always", ("spec", "containers", 0, "restartPolicyRules")),
        (
            {"restartPolicy": "OnFailure", "restartPolicyRules": [{"exitCodes": {"operator": "In", "values": [9]}}]},
            "OnFailure",
            ("spec", "containers", 0, "restartPolicy"),
        ),
    ],
)
def test_a_container_may_have_a_restart_policy_of_its_own(own: Any, policy: str, field: Any) -> None:
    """What the container says holds before what the Pod says, and a rule for its exit code before both."""
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", **own}]}}

    assert restart_policy(pod, {"name": "app"}, 1) == (policy, field)


@pytest.mark.parametrize("renamed", ["hostNetwork", "hostname", "setHostnameAsFQDN"])
def test_a_pod_may_give_its_processes_another_host_name(renamed: str) -> None:
    """An answer that is no Pod's name leads to the field that renames it; without one, to the process."""
    app = {"name": "app", "command": ["serve"], "ports": [{"containerPort": 8080}]}
    containers = [{"name": "side"}, app]

    assert answer_field({"spec": {"containers": containers, renamed: True}}, 8080)[1] == ("spec", renamed)
    assert answer_field({"spec": {"containers": containers}}, 8080) == ("", ("spec", "containers", 1, "command"))
