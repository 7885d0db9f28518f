"""From a symptom to the first broken link, one module a kind of link. A walk looks, asks and reads; it never changes.

Called from outside: every module but ``certmanager``, ``endpoints``, ``hooks``, ``images``, ``issuers``, ``policies``,
``references``, ``routes``, ``signing``, ``traefik``.
May import: ``kube``, ``quantities``.
"""
