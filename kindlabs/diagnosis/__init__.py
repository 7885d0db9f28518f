"""From a symptom to the first broken link: Ingress → Service → EndpointSlice → Pod → container → event.

Each room of this package knows one kind of link. A walk looks at objects; it may also ask whether a port of a Pod
listens, and read logs. It never waits, and never changes anything.
"""
