"""Add-ons of clusters: each is its folder ``clusters/addons/<name>``, and one module here where it needs code.

Callers: ``clusters`` (installs them), ``run``, ``checking``; ``addon`` is the way in. Imports ``promises``, ``kube``.
"""
