# Debian's Python under upstream's names. Without pip: nothing can be installed where nothing leaves the machine.
FROM kind-labs/debian:trixie
RUN ln -s /usr/bin/python3 /usr/local/bin/python3 && ln -s python3 /usr/local/bin/python && python --version
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["python3"]
