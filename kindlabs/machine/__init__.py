"""What a machine gives before there is a cluster: a Docker engine, found or started, and what variables ask of it.

Called from outside: ``engine``, ``own_engine``, ``containers``, ``settings``.
May import: ``progress``.
"""
