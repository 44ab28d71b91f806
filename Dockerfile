# syntax=docker/dockerfile:1
FROM debian:12-slim AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    gcc libc6-dev cmake ninja-build pkg-config \
    libuv1-dev libwebsockets-dev libcurl4-openssl-dev libluajit-5.1-dev lua-cjson-dev libjansson-dev libsqlite3-dev \
    libssl-dev libzstd-dev zlib1g-dev
WORKDIR /trademind
COPY . .
RUN cmake --preset release && ninja -C build/release && DESTDIR=/image cmake --install build/release --prefix /usr --strip

FROM debian:12-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates libuv1 libwebsockets17 libwebsockets-evlib-uv libcurl4 libluajit-5.1-2 lua-cjson libjansson4 \
    libsqlite3-0 libssl3 libzstd1 zlib1g lua-check \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /data --shell /usr/sbin/nologin trademind \
    && install -d -o trademind -g trademind /data
COPY --from=build /image/usr/ /usr/
# A new volume belongs to root; it is handed over once, then the daemon runs without privileges and cannot regain any.
COPY --chmod=755 <<'SH' /usr/local/bin/as-trademind
#!/bin/sh
set -e
[ "$(id -u)" = 0 ] || exec "$@"
[ "$(stat -c %U "$DATA_DIR")" = trademind ] || chown -R trademind:trademind "$DATA_DIR"
exec setpriv --reuid=trademind --regid=trademind --init-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
SH
# Traders are looked for in ./lua/traders.
WORKDIR /usr/share/trademind
ENV DATA_DIR=/data HOST=::
VOLUME /data
EXPOSE 8080 9091
STOPSIGNAL SIGINT
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["trademind", "status"]
ENTRYPOINT ["as-trademind"]
CMD ["trademind", "run"]
