"""Objects of one API server. They go in and out as the dicts that the server sent, never as typed models."""

from __future__ import annotations

from copy import copy
from pathlib import Path

from kindlabs.kube.discovery import Discovery, Resource
from kindlabs.kube.transport import ApiError, ApiTimeout, ApiUnreachable, Identity, Object, Transport

__all__ = ["Api", "ApiError", "ApiTimeout", "ApiUnreachable", "Identity", "Object"]

NOT_FOUND = 404
LOG_LINES, LOG_BYTES = 2000, 1024 * 1024
"""What is read of a log at most."""
APPLY = "application/apply-patch+yaml"
STRATEGIC = "application/strategic-merge-patch+json"
END_BYTES = 2**16
"""Of a log's last lines; one of them may be as long as its container likes."""


class Api(Transport):
    """One API server and the kinds that it serves; see Transport for its arguments."""

    def __init__(self, kubeconfig: Path, identity: Identity | None = None) -> None:
        super().__init__(kubeconfig, identity)
        self._discovery = Discovery(self.request)

    def acting_as(self, identity: Identity) -> Api:
        """The same server as another identity sees it, over the same connections."""
        other = copy(self)
        other._identity = identity
        return other

    # What the server knows.

    def resource(self, kind: str, *, refresh: bool = False) -> Resource | None:
        """How the server serves *kind*, written ``Pod`` or ``Deployment.apps``; None when it does not."""
        name, _, group = kind.partition(".")
        fitting = (r for r in self._discovery.resources(refresh=refresh) if r.kind == name)
        return next((r for r in fitting if not group or r.group == group), None)

    def resources(self, *, refresh: bool = False) -> list[Resource]:
        """All resources that the server serves, each in its preferred version; read again on *refresh*."""
        return self._discovery.resources(refresh=refresh)

    def group_of(self, plural: str) -> str:
        """The group of the resource *plural*: ``apps`` for ``deployments``; the first that the server prefers.

        Raises: ApiError with status 404 when it serves none of that name.
        """
        found = next((r for r in self.resources() if r.plural == plural), None)
        if found is None:
            raise ApiError(NOT_FOUND, "NotFound", f"the server does not serve {plural}")
        return found.group

    def resource_of(self, manifest: Object) -> Resource | None:
        """How the server serves the kind of *manifest*, in the very apiVersion that it names; None when it does not."""
        group, _, version = manifest.get("apiVersion", "").rpartition("/")
        kind = manifest.get("kind", "")
        found = self.resource(f"{kind}.{group}") if group else self._core(kind)
        found = found or (self.resource(f"{kind}.{group}", refresh=True) if group else None)
        return found.at(version) if found and version in found.versions else None

    def _core(self, kind: str) -> Resource | None:
        found = self.resource(kind)
        return found if found and not found.group else None

    # Objects.

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None when there is none."""
        return self._get(self._served(kind).path(namespace, name))

    def find(self, manifest: Object) -> Object | None:
        """The object that *manifest* names, in the very apiVersion that it names; None when there is none."""
        resource = self.resource_of(manifest)
        meta = manifest["metadata"]
        return self._get(resource.path(meta.get("namespace"), meta["name"])) if resource else None

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Object]:
        """The objects of *kind*, in all namespaces when *namespace* is None; none of a kind that is not served."""
        query = {"labelSelector": selector} if selector else {}
        resource = self.resource(kind)
        try:
            answer = self.request("GET", resource.path(namespace), query=query) if resource else {}
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            self.resource(kind, refresh=True)  # its definition has gone since
            return []
        head = {"apiVersion": answer.get("apiVersion"), "kind": str(answer.get("kind")).removesuffix("List")}
        return [head | item for item in answer.get("items") or []]

    def apply(self, manifest: Object, *, manager: str, force: bool = True, dry_run: bool = False) -> Object:
        """Apply *manifest* on the server's side as field manager *manager*; unknown fields are errors.

        Args:
            dry_run: only say what would come of it.
        """
        resource = self.resource_of(manifest)
        if resource is None:
            raise _unknown(manifest)
        meta = manifest["metadata"]
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        path = resource.path(meta.get("namespace"), meta["name"])
        return self.request("PATCH", path, query=query, body=manifest, content_type=APPLY)

    def create(self, manifest: Object) -> Object:
        """Make an object that is not there yet; the server's answer."""
        resource = self.resource_of(manifest)
        if resource is None:
            raise _unknown(manifest)
        return self.request("POST", resource.path(manifest["metadata"].get("namespace")), body=manifest)

    def patch(self, kind: str, name: str, namespace: str | None, patch: Object, *, subresource: str = "") -> Object:
        """Merge *patch* into an object (JSON merge patch), or into one of its subresources such as ``scale``."""
        path = self._served(kind).path(namespace, name) + (f"/{subresource}" if subresource else "")
        return self.request("PATCH", path, body=patch, content_type="application/merge-patch+json")

    def add_container(self, pod: str, namespace: str, container: Object, *, manager: str) -> None:
        """Add an ephemeral container to a Pod, as field manager *manager*."""
        path = self._served("Pod").path(namespace, pod) + "/ephemeralcontainers"
        body = {"spec": {"ephemeralContainers": [container]}}
        self.request("PATCH", path, query={"fieldManager": manager}, body=body, content_type=STRATEGIC)

    def delete(
        self,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        grace: int | None = None,
        propagation: str = "Background",
    ) -> bool:
        """Delete an object.

        Args:
            grace: seconds that Pods get to end; the object's own when None.
            propagation: ``Foreground`` keeps it, marked as going, until what it owns is gone.

        Returns: False when there was none.
        """
        options: Object = {"propagationPolicy": propagation}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self.request("DELETE", self._served(kind).path(namespace, name), body=options)
        except ApiError as error:
            if error.status == NOT_FOUND:
                return False
            raise
        return True

    def may_create(self, group: str, resource: str, namespace: str) -> bool:
        """Whether this identity has the right to create objects: ``("apps", "deployments", "lab-02")``."""
        attributes = {"namespace": namespace, "verb": "create", "group": group, "resource": resource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
        return bool(answer["status"]["allowed"])

    def log(self, pod: Object, container: str, *, previous: bool = False) -> str:
        """The newest LOG_LINES of a container's log; empty where there is none."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        query = {"container": container, "previous": str(previous).lower(), "tailLines": str(LOG_LINES)}
        query["limitBytes"] = str(LOG_BYTES)
        try:
            text = self.text("GET", f"/api/v1/namespaces/{namespace}/pods/{name}/log", query=query)
        except ApiError as error:
            if error.status not in (400, 404):  # it has not started, or is gone
                raise
            return ""
        return "" if text.startswith("unable to retrieve container logs") else text

    def last_words(self, pod: Object, container: str) -> str:
        """The end of the log of a container that ended, of the run before when it runs again; empty without one."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/log"
        end = {"container": container, "tailLines": "20", "limitBytes": str(END_BYTES)}
        for previous in ("false", "true"):
            try:
                text = self.text("GET", path, query=end | {"previous": previous})
            except ApiError:
                continue
            if text.strip() and not text.startswith("unable to retrieve container logs"):
                return text
        return ""

    def _get(self, path: str) -> Object | None:
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def _served(self, kind: str) -> Resource:
        resource = self.resource(kind)
        if resource is None:
            raise ApiError(NOT_FOUND, "NotFound", f"the server does not serve kind {kind}")
        return resource


def _unknown(manifest: Object) -> ApiError:
    what = f"no kind {manifest.get('kind')} in version {manifest.get('apiVersion')}"
    return ApiError(NOT_FOUND, "NotFound", what)
