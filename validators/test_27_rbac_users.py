"""Lab 27: a robot that reads Pods, a person who deploys, and nobody who reads Secrets by accident."""

from kindlabs import check

PROD = "lab-27-prod"


@check(points=2)
def test_robot_reads(lab):
    """ServiceAccount `robot` may get, list and watch the Pods of `lab-27`, and read their logs."""
    robot = lab.service_account("robot")
    robot.may("get list watch", "pods")
    robot.may("get", "pods/log")


@check(points=2, needs=[test_robot_reads])
def test_robot_limits(lab):
    """It alone may do so, and no more: no Secret, no Pod of `lab-27-prod`, and it deletes nothing."""
    robot = lab.service_account("robot")
    robot.may_not("get list", "secrets")
    robot.may_not("get list", "pods", namespace=PROD)
    robot.may_not("delete create", "pods")
    robot.may_only("get list watch", "pods", "pods/log")
    robot.may_nothing(namespace=PROD)
    lab.service_account("default").may_nothing()


@check(points=2)
def test_mira_is_mira(lab):
    """The certificate for CertificateSigningRequest `mira` makes its holder user `mira` of group `dev`."""
    lab.certificate_request("mira").makes_user("mira", "dev")


@check(points=2, needs=[test_mira_is_mira])
def test_mira_deploys(lab):
    """With it she, as all of `dev`, makes, changes, scales and deletes Deployments in `lab-27`, and looks at Pods."""
    for somebody in (lab.certificate_request("mira").holder, lab.user("nina", "dev")):
        somebody.may("get list create patch delete", "deployments")  # kubectl apply, edit and scale patch
        somebody.may("get patch", "deployments/scale")
        somebody.may("get list", "pods")


@check(points=1, needs=[test_mira_deploys])
def test_mira_limits(lab):
    """She reads no Secret, and sees nothing of `lab-27-prod`."""
    mira = lab.certificate_request("mira").holder
    mira.may_not("get list", "secrets")
    mira.may_not("get list create", "deployments", namespace=PROD)
    mira.may_nothing(namespace=PROD)


@check(points=1)
def test_token_short(lab):
    """Pod `robot` has one token, its own, at `/var/run/lab/token` for audience `lab`; it ends within 700 seconds."""
    pod = lab.pod("robot")
    pod.is_ready()
    pod.container("robot").has_one_token("/var/run/lab/token", account="robot", audience="lab", seconds=700)
