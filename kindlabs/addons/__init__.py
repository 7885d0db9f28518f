"""Add-ons of clusters: each is its folder ``clusters/addons/<name>``, and one module here where it needs code.

Called from outside: ``addon``, ``install``. Nothing outside names one of them.
May import: ``promises``, ``diagnosis``, ``kube``, ``labfile``.
"""
