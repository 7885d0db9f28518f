"""Lab 03: HTTPS from outside, with a certificate that the lab's CA issued."""

from kindlabs import check


@check(points=1)
def test_pods_ready(lab):
    """Deployment `web` keeps 2 Pods ready."""
    lab.deployment("web").has_ready_replicas(2)


@check(points=1, needs=[test_pods_ready])
def test_service_answers(lab):
    """Inside the cluster, 10 of 10 requests to Service `web` on port 80 are answered, by both Pods."""
    lab.service("web").answers("/hostname", times=10, from_every_pod_of=lab.deployment("web"))


@check(points=2, needs=[test_service_answers])
def test_ingress_routes(lab):
    """From outside, every path of `https://web.localhost` is answered, and `/hostname` by both Pods, 20 times of 20."""
    website = lab.https("web.localhost")
    website.answers("/hostname", times=20, from_every_pod_of=lab.deployment("web"))
    website.leads_everywhere_to(lab.service("web"))


@check(points=2)
def test_certificate_issued(lab):
    """Secret `web-tls` holds a certificate that ClusterIssuer `lab-ca` issued, and its key."""
    lab.secret("web-tls").is_issued_by("lab-ca")


@check(points=2, needs=[test_ingress_routes, test_certificate_issued])
def test_tls_served(lab):
    """The certificate in `web-tls` is the one that is served: for `web.localhost`, of the lab's CA."""
    lab.https("web.localhost").serves("web-tls")


@check(points=1, needs=[test_ingress_routes])
def test_other_host_refused(lab):
    """`other.localhost`, which nobody asked for, gets 404 on every path."""
    lab.https("other.localhost").is_refused(status=404)


@check(points=1, needs=[test_tls_served])
def test_reissued(lab):
    """When Secret `web-tls` is deleted, a new certificate is issued and served."""
    website = lab.https("web.localhost")
    first = website.serves("web-tls")
    lab.secret("web-tls").delete()
    website.serves_another(than=first, secret="web-tls")
