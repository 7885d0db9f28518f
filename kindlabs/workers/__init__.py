"""Runs side by side: each in a process that has a cluster for itself. An order names a lab and a submission of it.

``pool`` hands orders (``order``) to processes (``process``) and gives their records back as they come; ``engine`` tells
whether a record of earlier would be the same today. Who asks (``verifying``, ``grading``) is not known here.
"""
