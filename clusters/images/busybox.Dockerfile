# Debian's static busybox, and every applet by its name, as in upstream's image.
FROM kind-labs/debian:trixie AS debian
RUN mkdir -p /out/bin && cp /usr/bin/busybox /out/bin/ && chroot /out /bin/busybox --install /bin
FROM scratch
COPY --from=debian /out/ /
COPY root/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["sh"]
