"""The control experiment: before a learner is blamed, the cluster does for us what it promised her lab.

Objects say what ought to be. Whether scheduler, kubelet, controllers, kube-proxy, DNS and what add-ons brought work now
shows only when something new goes through all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from kindlabs import faults
from kindlabs.errors import InfraError
from kindlabs.kube.probing import ANSWER_SECONDS
from kindlabs.patience import COMES_SECONDS
from kindlabs.promises.promise import Promise
from kindlabs.promises.proving import prove
from kindlabs.promises.trial import Trial

VALID_SECONDS = 10.0
"""For so long an experiment that passed speaks for the cluster; who is blamed later waits for another one."""


class Control:
    """Experiments of one run, one at a time.

    Args:
        promises: what the lab was promised.
        trial: makes the objects' place: a new one for each experiment.
        fault: what a look at the cluster finds broken, which comes first; None when nothing is.
    """

    def __init__(
        self, promises: Sequence[Promise], trial: Callable[[], Trial], fault: Callable[[], str | None]
    ) -> None:
        self._promises, self._trial, self._fault = promises, trial, fault
        self._newest: _Experiment | None = None

    def doubt(self) -> None:
        """See that an experiment is going on or is still valid: somebody is about to be blamed.

        Raises: InfraError when one found the cluster broken.
        """
        known = self._current()
        if known.is_over and (found := known.result()):
            raise InfraError(found)

    def fault(self) -> str | None:
        """What did not come about, in one sentence, or which bug of ours kept it; None when everything did."""
        return self._current().result()

    def close(self) -> None:
        """End what is going on, and leave nothing behind."""
        if self._newest is not None:
            self._newest.stop()

    def _current(self) -> _Experiment:
        if self._newest is None or self._newest.is_old:
            self._newest = _Experiment(self._promises, self._trial(), self._fault)
            self._newest.start()
        return self._newest


class _Experiment(threading.Thread):
    def __init__(self, promises: Sequence[Promise], trial: Trial, fault: Callable[[], str | None]) -> None:
        super().__init__(name="control", daemon=True)
        self._promises, self._trial, self._look = promises, trial, fault
        self._known, self._over = threading.Event(), threading.Event()
        self._fault: str | None = None
        self._ended: float | None = None

    @property
    def is_over(self) -> bool:
        return self._known.is_set()

    @property
    def is_old(self) -> bool:
        return self._ended is not None and time.monotonic() - self._ended > VALID_SECONDS

    def result(self) -> str | None:
        self._known.wait()
        return self._fault

    def stop(self) -> None:
        self._over.set()
        self.join(ANSWER_SECONDS)

    def run(self) -> None:
        try:
            self._fault = self._look() or self._try()
        except Exception as error:  # whoever waits for the result waits for this thread
            self._fault = error.message if isinstance(error, InfraError) else faults.keep(error)
        self._ended = time.monotonic()
        self._known.set()
        self._trial.sweep()
        self._trial.clean_up()

    def _try(self) -> str | None:
        missing = prove(self._promises, self._trial, COMES_SECONDS, self._over)
        return None if self._over.is_set() else next(iter(missing.values()), None)
