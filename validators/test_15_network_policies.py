"""Lab 15: three tiers, one monitor, and nothing else that gets through.

Addresses are asked, not names: a name that does not resolve is silent, too, and has a check of its own. What a Pod
sends to the node that it is on passes in every Pod network: the API server of a single node is no outside to test.
"""

from kindlabs import check

PORT = 8080


@check(points=3)
def test_allowed_path(lab):
    """`front` reaches `api`, and `api` reaches `db`, on port 8080; everybody reaches `front`."""
    front, api, db = (lab.service(name).at(PORT) for name in ("front", "api", "db"))
    lab.connections(
        {
            lab.deployment("front"): {api: True},
            lab.deployment("api"): {db: True},
            lab.namespace("lab-15-ops").pod("batch"): {front: True},
        }
    )
    lab.service("front").answers("/", port=PORT)


@check(points=1, needs=[test_allowed_path])
def test_monitor_in(lab):
    """`monitor` of `lab-15-ops` reaches all three on port 8080."""
    tiers = (lab.service(name).at(PORT) for name in ("front", "api", "db"))
    lab.connections({lab.namespace("lab-15-ops").pod("monitor"): dict.fromkeys(tiers, True)})


@check(points=3, needs=[test_allowed_path])
def test_denied_matrix(lab):
    """Nobody else gets into `api` and `db`: not `front` into `db`, nor `db` into `api`, nor any of the other Pods."""
    api, db = (lab.service(name).at(PORT) for name in ("api", "db"))
    ops = lab.namespace("lab-15-ops")
    lab.connections(
        {
            lab.pod("stranger"): {api: False, db: False},
            ops.pod("batch"): {api: False, db: False},
            lab.pod("mimic"): {api: False, db: False},
            ops.pod("twin"): {api: False, db: False},
            lab.deployment("front"): {db: False},
            lab.deployment("db"): {api: False},
        }
    )


@check(points=1, needs=[test_allowed_path])
def test_dns_works(lab):
    """Names resolve in the Pods of all three."""
    lab.resolves("api", lab.deployment("front"), lab.deployment("api"), lab.deployment("db"))


@check(points=1, needs=[test_allowed_path])
def test_egress_closed(lab):
    """None of the three gets anywhere else: not to `batch`, and `api` and `db` not to `front`."""
    outside = lab.namespace("lab-15-ops").pod("batch").at(PORT)
    front = lab.service("front").at(PORT)
    lab.connections(
        {
            lab.namespace("lab-15-ops").pod("monitor"): {outside: True},
            lab.deployment("front"): {outside: False},
            lab.deployment("api"): {outside: False, front: False},
            lab.deployment("db"): {outside: False, front: False},
        }
    )


@check(points=1, needs=[test_denied_matrix])
def test_new_pod_covered(lab):
    """A Pod of `lab-15` that nobody thought of, such as `stranger` or `mimic`, lets nobody in."""
    stranger, mimic = (lab.pod(name).at(PORT) for name in ("stranger", "mimic"))
    ops = lab.namespace("lab-15-ops")
    lab.connections(
        {
            lab.pod("stranger"): {stranger: True},
            lab.pod("mimic"): {mimic: True},
            ops.pod("batch"): {stranger: False, mimic: False},
            ops.pod("monitor"): {stranger: False, mimic: False},
        }
    )
