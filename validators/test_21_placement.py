"""Lab 21: a disk, a reserved node, replicas apart, a cache beside its database, a node that is emptied."""

import re

from kindlabs import check

NO_OTHER_NODE = re.compile("anti-affinity|topology spread")


@check(points=2)
def test_web_apart(lab):
    """The two Pods of `web` are on two nodes in two zones; a third one waits, because there is no other such node."""
    web = lab.deployment("web")
    web.has_ready_replicas(2)
    web.is_apart("kubernetes.io/hostname")
    web.is_apart("topology.kubernetes.io/zone")
    with web.scaled_to(3):
        web.has_pods_waiting(1, because=NO_OTHER_NODE)


@check(points=2)
def test_batch_on_reserved(lab):
    """Both Pods of `batch` run on the node with `team=batch`, and wait while that node takes none."""
    batch = lab.deployment("batch")
    batch.has_ready_replicas(2)
    batch.goes_nowhere_but(lab.nodes(team="batch"))


@check(points=1, needs=[test_batch_on_reserved])
def test_reserved_stays_clean(lab):
    """On the node with `team=batch` are Pods of `batch` and `web` alone."""
    lab.nodes(team="batch").hold_only(lab.deployment("batch"), lab.deployment("web"))


@check(points=1)
def test_db_on_ssd(lab):
    """The Pod of `db` runs on the node with `disk=ssd`, and waits while that node takes none."""
    db = lab.deployment("db")
    db.has_ready_replicas(1)
    db.goes_nowhere_but(lab.nodes(disk="ssd"))  # opens the reserved node: who needs it has been judged by now


@check(points=2, needs=[test_db_on_ssd])
def test_cache_with_db(lab):
    """The Pod of `cache` is on the node of `db`, and waits while that node takes none."""
    cache, db = lab.deployment("cache"), lab.deployment("db")
    cache.has_ready_replicas(1)
    cache.goes_nowhere_but(db.nodes)  # others have its disk and its zone meanwhile: these are not what it follows


@check(points=2)
def test_evicted_late(lab):
    """When its node is tainted `maintenance:NoExecute`, `patient` leaves after 15 to 30 seconds, all others at once."""
    patient = lab.pod("patient")
    patient.is_ready()
    patient.outlasts("maintenance:NoExecute", least=15, most=30)
