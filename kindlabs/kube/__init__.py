"""One cluster's API server: requests, watched objects, applying as a learner, commands in containers.

Called from outside: every module but ``discovery``, ``guests``, ``removal``, ``standing``, ``transport``.
May import: nothing but what imports nothing.
"""
