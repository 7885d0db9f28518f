# As upstream's, which stands on Alpine: the program, and a shell with the usual small tools beside it.
FROM kind-labs/debian:bookworm AS debian
FROM scratch
COPY --from=debian /usr/bin/busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY root/ /
COPY agnhost /agnhost
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENTRYPOINT ["/agnhost"]
CMD ["pause"]
