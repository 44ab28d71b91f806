# docker build -t trademind .                      without privileges: a volume of docker gets the image's owner
# docker build --target fly -t trademind-fly .      the same for volumes that belong to root, as Fly's do
# `./dev image` makes both without docker, twice, and compares them.
#
# To have an image again as it was: SOURCE_DATE_EPOCH and the packages of its day, from snapshot.debian.org
# (DEBIAN=http://snapshot.debian.org/archive/debian/20261130T000000Z). What is inside: /usr/share/trademind/sbom.spdx.json.
ARG BASE=debian:12-slim

FROM ${BASE} AS debian
ARG DEBIAN=
RUN [ -z "$DEBIAN" ] || { rm -f /etc/apt/sources.list.d/*; echo "deb [check-valid-until=no] $DEBIAN bookworm main" >/etc/apt/sources.list; }

# ---- what runs ----
FROM debian AS base
# No log, no cache and no list stays: they would have the day of the build. lua-check is what `check` and `explain` read with.
# The account by hand: useradd writes down the day.
RUN set -e; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates libuv1 libwebsockets17 libwebsockets-evlib-uv libcurl4 libluajit-5.1-2 lua-cjson libjansson4 \
        libsqlite3-0 libssl3 libzstd1 zlib1g lua-check; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/* /var/lib/dpkg/*-old /etc/*- /tmp/*; \
    echo 'trademind:x:10001:10001:trademind:/data:/usr/sbin/nologin' >>/etc/passwd; \
    echo 'trademind:x:10001:' >>/etc/group; \
    install -d -o 10001 -g 10001 -m 700 /data

# ---- what makes it ----
FROM debian AS build
RUN set -e; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        gcc libc6-dev cmake ninja-build pkg-config ca-certificates \
        libuv1-dev libwebsockets-dev libcurl4-openssl-dev libluajit-5.1-dev lua-cjson-dev libjansson-dev libsqlite3-dev \
        libssl-dev libzstd-dev zlib1g-dev lua-check
WORKDIR /trademind
COPY . .
RUN cmake --preset release && ninja -C build/release && DESTDIR=/out cmake --install build/release --prefix /usr --strip
# What the image consists of, what it was made with, and what has tested it.
ARG SOURCE_DATE_EPOCH=0
COPY --from=base /var/lib/dpkg/status /base.status
RUN lua5.1 image/sbom.lua "$SOURCE_DATE_EPOCH" /base.status /var/lib/dpkg/status */package-lock.json \
        >/out/usr/share/trademind/sbom.spdx.json

# ---- the two images ----
FROM base AS whole
COPY --from=build /out/usr/ /usr/
# Traders are looked for in ./lua/traders.
WORKDIR /usr/share/trademind
# SQLite sorts what is large in a file; there may be no other place to write to than the volume.
ENV DATA_DIR=/data HOST=:: SQLITE_TMPDIR=/data
EXPOSE 8080 9091
STOPSIGNAL SIGINT
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["trademind", "status"]
CMD ["trademind", "run"]

FROM whole AS fly
COPY image/as-trademind /usr/local/bin/
ENTRYPOINT ["as-trademind"]

# The last one is what a build without --target makes.
FROM whole AS trademind
VOLUME /data
USER trademind
