#!/usr/bin/env bash
# Several hosts on one Linux machine, for tests and measurements: each host has its own network, name and view of the model's files;
# between them is a switch with settable troubles. Needs root and /dev/net/tun. Labs do not see each other; any number may be up.
#
#   export NETLAB=$(netlab.sh up N)    N hosts h1 … hN; NETLAB is the lab's folder, $NETLAB/hostfile names the hosts
#   netlab.sh set KEY=VALUE…           trouble from now on: delay_us jitter_us loss_ppm rate_mbps (see switch.c), cut=h2,h3 (cut= heals)
#   netlab.sh model DIR [EXPERTS…]     shows a prestacked model at $NETLAB/model on all hosts, but to each host only its own expert files:
#                                      one list a host (0-7,12), by default contiguous shares; nothing is copied
#   netlab.sh run [--on hK] COMMAND…   runs a command on a host (default h1); mpiexec starts ranks on the others through launch-agent.sh
#   netlab.sh ranks hK                 process ids of the ranks on a host;   pids: of everything still running on all hosts
#   netlab.sh job N [KEY=VALUE…] [--model DIR [EXPERTS…]] -- COMMAND…
#                                      one job in a lab of its own, which is gone afterwards: N hosts, troubles, then COMMAND on h1. A model is
#                                      shown at its own path. $NETLAB in COMMAND's words is replaced. Code 126: no lab can be made here
#   netlab.sh down                     ends whatever runs on the hosts and removes the lab
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SWITCH=$HERE/../../build/netlab/switch

fail() { echo "netlab.sh: $*" >&2; exit 1; }

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2; }

NEEDS="needs root and /dev/net/tun"
can_make_labs() { [ "$(id -u)" = 0 ] && [ -c /dev/net/tun ]; }

host_count() { wc -l <"$NETLAB/hostfile"; }

host_pid() { cat "$NETLAB/$1.pid" 2>/dev/null || fail "$1: no such host in $NETLAB"; }

enter() { nsenter --target "$(host_pid "$1")" --net --uts --mount -- "${@:2}"; } # enter HOST COMMAND…

up() { # up N
  [[ ${1:-} =~ ^[1-9][0-9]?$ ]] || usage
  can_make_labs || fail "$NEEDS"
  make -s -C "$HERE" >&2
  NETLAB=$(mktemp -d "${TMPDIR:-/tmp}/spmd-netlab.XXXXXX")
  trap down ERR
  echo "127.0.0.1 localhost" >"$NETLAB/hosts"
  for ((k = 1; k <= $1; k++)); do
    echo "10.77.0.$k h$k" >>"$NETLAB/hosts"
    echo "h$k slots=1" >>"$NETLAB/hostfile"
  done
  : >"$NETLAB/settings"
  setsid unshare --net "$SWITCH" "$1" "$NETLAB/settings" </dev/null >"$NETLAB/switch.log" 2>&1 &
  echo $! >"$NETLAB/switch.pid"
  await "$NETLAB/switch.log" ready
  for ((k = 1; k <= $1; k++)); do add_host "$k"; done
  echo "$NETLAB"
}

add_host() { # add_host K : a process that holds the host's namespaces, and port K of the switch as its eth0
  local host=h$1 address=02:00:00:00:00:$(printf %02x "$1")
  setsid unshare --net --uts --mount --propagation private sh -c '
    hostname "$1" && mount --bind "$2/hosts" /etc/hosts && ip link set lo up && echo ready && exec sleep infinity
  ' sh "$host" "$NETLAB" </dev/null >"$NETLAB/$host.log" 2>&1 &
  echo $! >"$NETLAB/$host.pid"
  await "$NETLAB/$host.log" ready
  nsenter --target "$(cat "$NETLAB/switch.pid")" --net ip link set "port$1" netns "$(host_pid "$host")"
  enter "$host" sh -c "
    echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null
    ip link set port$1 name eth0 address $address mtu 9000 && ip address add 10.77.0.$1/24 dev eth0 && ip link set eth0 up"
}

await() { # await LOG WORD
  for _ in $(seq 100); do ! grep -qs "$2" "$1" || return 0; sleep 0.05; done
  cat "$1" >&2
  return 1
}

set_troubles() { # set_troubles KEY=VALUE… : the switch reads a whole file or none of it
  local pair key value
  for pair in "$@"; do
    key=${pair%%=*} value=${pair#*=}
    [[ $key =~ ^(delay_us|jitter_us|loss_ppm|rate_mbps|cut)$ ]] || fail "$key: expected delay_us, jitter_us, loss_ppm, rate_mbps or cut"
    [ "$key" != cut ] || value=$(port_mask "$value")
    { grep -v "^$key " "$NETLAB/settings" || true; echo "$key $value"; } >"$NETLAB/settings.new"
    mv "$NETLAB/settings.new" "$NETLAB/settings"
  done
  kill -HUP "$(cat "$NETLAB/switch.pid")"
}

port_mask() { # port_mask h2,h3
  local mask=0 host
  for host in ${1//,/ }; do mask=$((mask | 1 << (${host#h} - 1))); done
  echo $mask
}

show_model() { # show_model DIR [EXPERTS…]
  local directory experts hosts lists=("${@:2}") k expert
  directory=$(cd "$1" && pwd)
  experts=$(find "$directory/experts" -name 'expert-*.bin' | wc -l)
  hosts=$(host_count)
  mkdir -p "$NETLAB/model"
  for ((k = 1; k <= hosts; k++)); do
    # Fills the share's list by the engine's own rule when none is given.
    enter "h$k" sh -c 'mount --bind "$1" "$2/model" && mount -t tmpfs tmpfs "$2/model/experts"' sh "$directory" "$NETLAB"
    for expert in $(expand "${lists[k - 1]:-$((experts * (k - 1) / hosts))-$((experts * k / hosts - 1))}"); do
      enter "h$k" sh -c 'touch "$2" && mount --bind "$1" "$2"' sh "$directory/experts/$expert" "$NETLAB/model/experts/$expert"
    done
  done
  echo "$NETLAB/model"
}

expand() { # expand 0-3,7 : names of expert files
  local range
  for range in ${1//,/ }; do seq -f 'expert-%02g.bin' "${range%-*}" "${range#*-}"; done
}

run() { # run [--on HOST] COMMAND…
  local host=h1
  [ "$1" != --on ] || { host=$2; shift 2; }
  # All hosts share this machine's cores, which ranks cannot know; and where MPICH's UCX finds one kernel it would use shared memory.
  export OMPI_MCA_plm_rsh_agent=$HERE/launch-agent.sh HYDRA_LAUNCHER_EXEC=$HERE/launch-agent.sh SPMD_MPI_WAIT=yield UCX_TLS=tcp,self NETLAB
  exec nsenter --target "$(host_pid "$host")" --net --uts --mount --wd="$PWD" -- "$@"
}

pids() { # pids [HOST] : processes in the hosts' networks, apart from those that hold them
  local host file
  for file in "$NETLAB"/${1:-h*}.pid; do
    host=$(cat "$file")
    find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/net' -lname "$(readlink "/proc/$host/ns/net" | sed 's/[][]/\\&/g')" 2>/dev/null |
      cut -d/ -f3 | grep -vx "$host" || true
  done
}

ranks() { # ranks HOST
  local pid program
  for pid in $(pids "$1"); do
    program=$(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 1p)
    [ "${program##*/}" != dotnet ] || echo "$pid"
  done
}

job() { # job N [KEY=VALUE…] [--model DIR [EXPERTS…]] -- COMMAND…
  local hosts=${1:-} troubles=() model="" experts=() code=0 child k
  shift
  while [[ ${1:-} == *=* ]]; do troubles+=("$1"); shift; done
  if [ "${1:-}" = --model ]; then
    model=$(cd "$2" && pwd)
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do experts+=("$1"); shift; done
  fi
  [ "${1:-}" = -- ] && [ $# -gt 1 ] || usage
  shift
  can_make_labs || { echo "netlab.sh: $NEEDS" >&2; exit 126; }
  NETLAB=$(up "$hosts")
  trap down EXIT
  [ ${#troubles[@]} = 0 ] || set_troubles "${troubles[@]}"
  if [ -n "$model" ]; then
    show_model "$model" "${experts[@]}" >/dev/null
    for ((k = 1; k <= hosts; k++)); do enter "h$k" mount --rbind "$NETLAB/model" "$model"; done
  fi
  run "${@//\$NETLAB/$NETLAB}" &
  child=$!
  trap 'kill -TERM $child' TERM INT
  wait "$child" || code=$?
  ! kill -0 "$child" 2>/dev/null || wait "$child" || true # a signal ends the first wait early
  return "$code"
}

down() {
  local left
  left=$(pids)
  [ -z "$left" ] || kill -KILL $left 2>/dev/null || true
  kill -KILL $(cat "$NETLAB"/*.pid) 2>/dev/null || true
  rm -rf "$NETLAB"
}

verb=${1:-}
[ $# -eq 0 ] || shift
[ "$verb" = up ] || [ "$verb" = job ] || [ -d "${NETLAB:-}" ] || fail "NETLAB is not set to a lab's folder: export NETLAB=\$(netlab.sh up N)"
case $verb in
  up) up "$@" ;;
  set) set_troubles "$@" ;;
  model) show_model "$@" ;;
  run) run "$@" ;;
  ranks) ranks "$@" ;;
  pids) pids ;;
  job) job "$@" ;;
  down) down ;;
  *) usage ;;
esac
