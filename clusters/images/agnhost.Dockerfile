# As upstream's, which stands on Alpine: the program, a shell with the usual small tools beside it, and curl.
FROM kind-labs/debian:bookworm AS debian
RUN set -eu; \
    for file in $(ldd /usr/bin/curl | grep -o '/[^ ]*') /usr/bin/curl /etc/ssl/certs/ca-certificates.crt; do \
      mkdir -p "/out$(dirname "$file")"; cp -L "$file" "/out$file"; \
    done
FROM docker.io/library/busybox:1.35.0
COPY --from=debian /out/ /
COPY agnhost /agnhost
ENTRYPOINT ["/agnhost"]
CMD ["pause"]
