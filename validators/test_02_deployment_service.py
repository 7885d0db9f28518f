"""Lab 02: three replicas behind one name."""

from kindlabs import check

NAME = "/hostname"


@check(points=2)
def test_replicas_ready(lab):
    """Deployment `web` keeps 3 Pods ready for 10 seconds."""
    lab.deployment("web").has_ready_replicas(3, for_seconds=10)


@check(points=2, needs=[test_replicas_ready])
def test_endpoints_match(lab):
    """The endpoints of Service `web` are exactly these Pods."""
    lab.service("web").has_endpoints_of(lab.deployment("web"))


@check(points=2, needs=[test_endpoints_match])
def test_name_answers(lab):
    """`http://web.lab-02.svc.cluster.local/hostname` answers 20 of 20 requests."""
    lab.service("web").answers(NAME, times=20, from_pods_of=lab.deployment("web"))


@check(points=1, needs=[test_name_answers])
def test_load_spreads(lab):
    """60 requests show the names of all 3 Pods."""
    lab.service("web").answers(NAME, times=60, from_every_pod_of=lab.deployment("web"))


@check(points=2, needs=[test_name_answers])
def test_self_heals(lab):
    """When a Pod is deleted, 3 are ready again, and 20 of 20 requests are answered."""
    web = lab.deployment("web")
    web.loses_a_pod()
    web.has_ready_replicas(3)
    lab.service("web").answers(NAME, times=20, from_pods_of=web)


@check(points=1, needs=[test_replicas_ready])
def test_scales(lab):
    """Scaled to 5, five endpoints follow; scaled back, three."""
    web, service = lab.deployment("web"), lab.service("web")
    with web.scaled_to(5):
        web.has_ready_replicas(5)
        service.has_endpoints_of(web)
    web.has_ready_replicas(3)
    service.has_endpoints_of(web)
