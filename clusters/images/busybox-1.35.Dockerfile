# Debian's busybox, with GNU wget in the place of its own, which crashes when it is given a timeout.
FROM kind-labs/debian:bookworm AS debian
RUN set -eu; \
    for file in $(ldd /usr/bin/busybox /usr/bin/wget | grep -o '/[^ :]*' | sort -u); do \
      mkdir -p "/out$(dirname "$file")"; cp -L "$file" "/out$file"; \
    done; \
    mkdir -p /out/bin; cp /usr/bin/busybox /out/bin/; chroot /out /bin/busybox --install -s /bin; \
    rm -f /out/bin/wget; cp /usr/bin/wget /out/bin/wget; chroot /out wget --version > /dev/null
FROM scratch
COPY --from=debian /out/ /
COPY root/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["sh"]
