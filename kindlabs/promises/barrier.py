"""Whether the data plane has taken in what was applied.

The API server knows a change at once; kube-proxy and whoever else answers requests follow a moment later, and answer as
before until then. A request in that moment would judge the submission before this one. So each run that changed
something proves those promises that lag with objects that it sends after its own, and trusts no answer until they hold.
A cluster where they never do is broken: nobody is judged by answers to what was there before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from kindlabs import faults
from kindlabs.errors import InfraError
from kindlabs.patience import COMES_SECONDS
from kindlabs.promises.promise import Promise
from kindlabs.promises.proving import prove
from kindlabs.promises.trial import Trial


class Barrier:
    """Changes that follow the submission's on the same way.

    Args:
        promises: what the lab was promised; those that lag are proven.
        trial: makes the place of what is sent: a new one each time.
    """

    def __init__(self, promises: Sequence[Promise], trial: Callable[[], Trial]) -> None:
        self._promises = [promise for promise in promises if promise.lags]
        self._trial = trial
        self._passed = threading.Event()
        self._lost = ""

    def send(self) -> None:
        """Send them, and follow them in the background; again after something more was applied."""
        self._passed = threading.Event()
        threading.Thread(target=self._follow, args=(self._trial(), self._passed), daemon=True, name="barrier").start()

    def skip(self) -> None:
        """Nothing was changed: there is nothing to wait for."""
        self._passed.set()

    @property
    def passed(self) -> bool:
        """Whether answers are answers of what was applied.

        Raises: InfraError when a change did not come through within COMES_SECONDS, or a bug of ours kept it.
        """
        if self._lost:
            raise InfraError(self._lost)
        return self._passed.is_set()

    def _follow(self, trial: Trial, passed: threading.Event) -> None:
        try:
            missing = prove(self._promises, trial, COMES_SECONDS)
        except Exception as error:  # a bug of ours; nobody is to wait for this thread
            self._lost = faults.keep(error)
            return
        if missing:
            text = next(iter(missing.values()))
            self._lost = f"what was changed last has not come through within {COMES_SECONDS:g} s: {text}"
        else:
            passed.set()
        trial.clean_up()
