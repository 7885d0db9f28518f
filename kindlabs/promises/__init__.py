"""What a cluster promises, each promise with one way to prove it, and the four who ask for proofs.

Called from outside: every module but ``claims``, ``controllers``, ``pods``, ``policies``, ``proving``, ``server``,
``services``.
May import: ``kube``, ``faults``. Add-ons bring more promises.
"""
