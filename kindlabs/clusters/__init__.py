"""Where labs run: kind clusters of a profile with their add-ons, who holds which, and the tools that drive them.

Called from outside: ``lease``, ``cluster``, ``kubectl``, ``listing``, ``doctor``, ``profiles``, ``state``.
May import: ``addons``, ``promises``, ``kube``, ``images``, ``machine``, ``progress``.
"""
