"""Add-ons: what a lab needs in its cluster, manifests in ``clusters/addons/<name>`` applied through the API server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from kindlabs.clusters.readiness import CHECKS
from kindlabs.errors import LabError
from kindlabs.kube.api import Api, ApiError, ApiUnreachable, Object
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER

PASSING = (404, 409, 429, 500, 503)
"""A namespace or a kind that is not served yet, or a server that is busy."""
SETTLE_SECONDS = 30.0
"""How long a namespace or a kind that another document brings may take to be served."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster; cert-manager's kinds are a megabyte


@dataclass(frozen=True)
class Addon:
    """One add-on: ``images`` are names in the image lock; ``manifests`` are applied in order."""

    name: str
    images: tuple[str, ...]
    manifests: tuple[Object, ...]


def load(course_root: Path, name: str) -> Addon:
    """The add-on *name* of the course: its ``addon.yaml``, and the manifests of its other files, crds.yaml first.

    Raises: LabError when the course has none of that name, or nothing proves that it is ready.
    """
    folder = course_root / "clusters" / "addons" / name
    if not (folder / "addon.yaml").is_file():
        known = ", ".join(sorted(path.parent.name for path in folder.parent.glob("*/addon.yaml")))
        raise LabError(f"Expected an add-on, found {name!r}.", f"Choose from {known}, or add {folder}/addon.yaml.")
    if name not in CHECKS:
        raise LabError(f"Add-on {name} has no check that it works.", "Add it to kindlabs/clusters/readiness.py.")
    about = yaml.safe_load((folder / "addon.yaml").read_text(encoding="utf-8"))
    manifests: list[Object] = []
    for file in sorted(folder.glob("*.yaml")):
        if file.name != "addon.yaml":
            manifests += filter(None, yaml.load_all(file.read_text(encoding="utf-8"), Loader=_Loader))
    return Addon(name, tuple(about["images"]), tuple(manifests))


def install(api: Api, addons: list[Addon]) -> None:
    """Apply all manifests, one add-on beside the other. Applying again changes nothing.

    Raises: LabError when the API server refuses a manifest, InfraError when it does not answer.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(addons))) as pool:
        for done in [pool.submit(_apply_all, api, addon) for addon in addons]:
            done.result()


def _apply_all(api: Api, addon: Addon) -> None:
    for manifest in addon.manifests:
        try:
            _patiently(api.apply, manifest, manager=INSTRUCTOR_MANAGER)
        except ApiError as error:
            what = f"{manifest['kind']}/{manifest['metadata']['name']}"
            raise LabError(f"Add-on {addon.name}: the API server refuses {what}: {error.message}") from error


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, ApiUnreachable) or (isinstance(error, ApiError) and error.status in PASSING)


_patiently = Retrying(
    stop=stop_after_delay(SETTLE_SECONDS), wait=wait_fixed(0.1), retry=retry_if_exception(_may_pass), reraise=True
)
