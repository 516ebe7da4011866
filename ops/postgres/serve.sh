#!/bin/sh
# Entry point of the image: make the cluster if it is not there, then become the server. Arguments are the
# server's. Everyone is trusted, because the port is published on the loopback address only.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA"
  initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C \
    --locale-provider=builtin --builtin-locale=C.UTF-8 --no-instructions >/dev/null
  echo 'host all all all trust' >>"$PGDATA/pg_hba.conf"
fi
exec postgres "$@"
