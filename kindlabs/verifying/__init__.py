"""``lab verify``: a lab proves itself, by its solutions, its start and its mutants, each on a clean cluster.

Called from outside: ``verify``, ``Options``, ``reports``.
May import: ``workers``, ``reports``, ``clusters``, ``course``, ``submission``, ``mutants``, ``validators``,
``vocabulary``, ``record``, ``progress``.
"""

from kindlabs.verifying.cases import Options
from kindlabs.verifying.proving import verify

__all__ = ["Options", "verify"]
