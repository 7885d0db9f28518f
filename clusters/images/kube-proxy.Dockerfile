# kube-proxy runs iptables, nft and conntrack. Every library of every iptables extension comes too: with one missing,
# rules that need it are left out without a word, and a Service of two endpoints loses its packets.
FROM kind-labs/debian:bookworm AS debian
RUN set -eu; \
    programs="$(which xtables-nft-multi nft conntrack dash)"; \
    extensions="$(dirname "$(find /usr/lib -name libxt_statistic.so)")"; \
    libraries="$(ldd $programs "$extensions"/*.so | grep -o '/[^ :]*' | sort -u)"; \
    for file in $programs "$extensions"/*.so $libraries; do \
      mkdir -p "/out$(dirname "$file")"; cp -aL "$file" "/out$file"; \
    done; \
    mkdir -p /out/bin /out/sbin; ln -s /usr/bin/dash /out/bin/sh; ln -s /usr/sbin/nft /out/sbin/nft; \
    for name in iptables ip6tables; do for verb in "" -save -restore; do \
      ln -s xtables-nft-multi "/out/usr/sbin/$name$verb"; \
    done; done; \
    for probe in "iptables -m statistic --help" "nft --version" "conntrack --version"; do \
      chroot /out sh -c "$probe" > /dev/null; \
    done
FROM scratch
COPY --from=debian /out/ /
COPY root/ /
COPY kube-proxy /usr/local/bin/kube-proxy
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENTRYPOINT ["/usr/local/bin/kube-proxy"]
