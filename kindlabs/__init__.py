"""Hands-on Kubernetes labs that check themselves on real kind clusters.

A validator needs one name of this package: :func:`check`.
"""

from kindlabs.checks import check

__all__ = ["check"]
__version__ = "0.1.0"
