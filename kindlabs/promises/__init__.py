"""What a cluster promises, each promise with one way to prove it.

Callers: ``clusters`` (readiness, health), ``run`` (control experiment), ``expectations`` (barrier). Add-ons bring more.
Imports ``kube`` alone.
"""
