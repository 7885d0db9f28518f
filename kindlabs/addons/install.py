"""Add-ons into a cluster: their manifests, applied through the API server."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from kindlabs.addons.addon import Addon
from kindlabs.errors import LabError
from kindlabs.kube.api import Api, ApiError, ApiUnreachable, Object
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER
from kindlabs.patience import TAKEN_IN_SECONDS

PASSING = (404, 409, 429, 500, 503)
"""A namespace or a kind that is not served yet, or a server that is busy."""


def install(api: Api, addons: Sequence[Addon]) -> None:
    """Apply all manifests, one add-on beside the other. Applying again changes nothing.

    Raises: LabError when the API server refuses a manifest, InfraError when it does not answer.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(addons))) as pool:
        for done in [pool.submit(_apply_all, api, addon) for addon in addons]:
            done.result()


def _apply_all(api: Api, addon: Addon) -> None:
    """In the file's order; neighbours of one kind, which need nothing of each other, at once."""
    for _, alike in groupby(addon.manifests, lambda manifest: manifest["kind"]):
        together = list(alike)
        with ThreadPoolExecutor(max_workers=len(together)) as pool:
            list(pool.map(lambda manifest: _apply(api, addon, manifest), together))


def _apply(api: Api, addon: Addon, manifest: Object) -> None:
    try:
        _patiently(api.apply, manifest, manager=INSTRUCTOR_MANAGER)
    except ApiError as error:
        what = f"{manifest['kind']}/{manifest['metadata']['name']}"
        raise LabError(f"Add-on {addon.name}: the API server refuses {what}: {error.message}") from error


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, ApiUnreachable) or (isinstance(error, ApiError) and error.status in PASSING)


_patiently = Retrying(
    stop=stop_after_delay(TAKEN_IN_SECONDS), wait=wait_fixed(0.1), retry=retry_if_exception(_may_pass), reraise=True
)
