#!/usr/bin/env bash
# Stands in for ssh between the hosts of a lab: launch-agent.sh [OPTION…] HOST COMMAND…
# Like ssh it gives the words, joined, to a shell on the other host.
while [[ $1 == -* ]]; do shift; done
host=$1
shift
exec nsenter --target "$(cat "$NETLAB/$host.pid")" --net --uts --mount --wd="$PWD" -- bash -c "$*"
