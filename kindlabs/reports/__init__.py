"""What is told of a run, by its record alone: on a terminal, and as JUnit's XML, Markdown, annotations and HTML.

A record is a dict as ``result.schema.json`` describes it; what comes back is text. Whatever a learner wrote is shown as
text, and does nothing where it is read.

Called from outside: ``telling``, ``junit``, ``markdown``, ``github``, ``html``.
May import: ``record``, ``progress``.
"""
