"""Lab 18: a disk that somebody has, a class that makes volumes, and what outlives what."""

import secrets

from kindlabs import check


def of_writer(lab):
    """The container in which `writer` writes, of the Pod that it has now."""
    return lab.pod(lab.deployment("writer").pods[0]["metadata"]["name"]).container("writer")


@check(points=2)
def test_fast_bound(lab):
    """Claim `fast` is bound to volume `fast-0`, of class `fast-local` and 128Mi."""
    lab.claim("fast").is_bound(to="fast-0", of_class="fast-local")
    lab.volume("fast-0").is_of_size("128Mi")


@check(points=1, needs=[test_fast_bound])
def test_follows_the_disk(lab):
    """`fast-0` is on the node that has the disk, and on no other, so that `writer` runs there."""
    lab.volume("fast-0").is_on(lab.nodes(disk="ssd"))
    writer = lab.deployment("writer")
    writer.has_ready_replicas(1)
    writer.is_on(disk="ssd")


@check(points=1)
def test_dynamic_works(lab):
    """Claim `scratch` gets a volume of class `standard`."""
    lab.claim("scratch").is_bound(of_class="standard")
    lab.pod("scratch").is_ready()


@check(points=2)
def test_one_pod_only(lab):
    """Only one of `solo-a` and `solo-b` uses claim `solo`; when it goes, the other one starts."""
    lab.claim("solo").admits_one_of(lab.pod("solo-a"), lab.pod("solo-b"))


@check(points=2, needs=[test_follows_the_disk])
def test_data_survives_pod(lab):
    """What is written to `/data` is still there when another Pod has taken the place of `writer`'s."""
    writer, word = lab.deployment("writer"), secrets.token_hex(8)
    of_writer(lab).runs(f"echo {word} > /data/survives")
    writer.loses_a_pod()
    writer.has_ready_replicas(1)
    of_writer(lab).has_file("/data/survives", saying=word)


@check(points=2, needs=[test_data_survives_pod])
def test_retained(lab):
    """When claim `fast` is deleted, volume `fast-0` is Released, and what was written is still on the disk."""
    word = secrets.token_hex(8)
    of_writer(lab).runs(f"echo {word} > /data/retained")
    with lab.deployment("writer").scaled_to(0):
        lab.claim("fast").delete()
        lab.volume("fast-0").is_in_phase("Released", for_seconds=3)
    disk = lab.namespace("lab-18-disk").pod("disk").container("disk")
    lab.volume("fast-0").keeps(word, seen_by=disk, under="/disk")
