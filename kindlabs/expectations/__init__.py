"""What a validator says: one line, one outcome; each waits for it, and says what was expected and observed.

Called from outside: ``Lab``, ``probe``, ``transcript``.
May import: ``diagnosis``, ``promises``, ``kube``, ``waiting``, ``nonces``, ``quantities``, ``yamlsource``.
"""

from kindlabs.expectations.lab import Lab

__all__ = ["Lab"]
