"""Where images come from: which there are, pulled by digest or built from Go modules and Debian packages.

Called from outside: ``lock``, ``supply`` (have them), ``imagebuild``, ``gobuild``, ``registry``.
May import: ``machine``, ``progress``.
"""
