#!/bin/sh
# Replaces every replica without a lost request: starts a new one, waits until the proxy sends it work, then stops an old one.
# After a new image or new settings:  docker compose build server && deploy/roll.sh
set -eu
cd "$(dirname "$0")/.."

replicas() { docker compose ps -q server; }
proxy=$(docker compose ps -q proxy)

# How many replicas have passed the proxy's check and get work.
serving() {
  docker exec "$proxy" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8405 && printf "GET /;csv HTTP/1.0\r\n\r\n" >&3 && cat <&3' |
    grep '^replicas,replica[0-9]*,.*,UP,' | grep -c ',L7OK,' || true
}

# Waits up to two minutes: a model may have to be loaded.
wait_for() {
  tries=120
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "gave up: $*" >&2; exit 1; }
    sleep 1
  done
}

all_serve() { [ "$(serving)" -ge "$1" ]; }

old=$(replicas)
[ -n "$old" ] || { echo 'no replica runs' >&2; exit 1; }
more=$(($(echo "$old" | wc -l) + 1))
for each in $old; do
  before=$(replicas)
  docker compose up -d --no-deps --no-recreate --scale "server=$more" server
  new=$(replicas | grep -vxF "$before")
  wait_for all_serve "$more"
  docker stop "$each" >/dev/null
  docker rm "$each" >/dev/null
  echo "replaced ${each%"${each#????????????}"} with ${new%"${new#????????????}"}"
done
