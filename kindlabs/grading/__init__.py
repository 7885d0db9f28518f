"""``lab grade``: a class's submissions, of people who are not trusted, to a record each and a gradebook.

Called from outside: ``grade``, ``dry_run``, ``remake``, ``Options``, ``showing``, ``intake``.
May import: ``workers``, ``clusters``, ``course``, ``filetree``, ``nonces``, ``record``, ``reports``,
``validators``, ``progress``.
"""

from kindlabs.grading.remaking import remake
from kindlabs.grading.session import Options, dry_run, grade

__all__ = ["Options", "dry_run", "grade", "remake"]
