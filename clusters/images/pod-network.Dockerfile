# nft and its libraries are in kube-proxy's image already; the node keeps them once.
FROM registry.k8s.io/kube-proxy:v1.36.3
COPY podnetwork /usr/local/bin/podnetwork
ENTRYPOINT ["/usr/local/bin/podnetwork"]
