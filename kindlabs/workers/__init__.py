"""Runs side by side, each in a process with a cluster for itself: an order goes in, the record of its run comes out.

Called from outside: ``order``, ``pool``, ``engine``.
May import: ``run``, ``clusters``, ``images``, ``course``, ``submission``, ``record``, ``filetree``, ``mistakes``,
``progress``.
"""
