#!/usr/bin/env bash
# SpmdDbrx: installs what is missing, builds what is stale, runs it.
#   ./run.sh [-n RANKS] [--hostfile F]                the main job: the tiny trained model, text from 2 ranks or as many as given, a timing table
#   ./run.sh test                                     all tests
#   ./run.sh build                                    build only
#   ./run.sh [-n RANKS] [--hostfile F] COMMAND …      spmd-dbrx COMMAND … under mpiexec (without -n and --hostfile: one rank, no mpiexec)
# MPIEXEC and MPICC choose the MPI (default: mpiexec and mpicc; Open MPI and MPICH both work).
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PROGRAM=$ROOT/src/SpmdDbrx.Cli/bin/Release/net10.0/spmd-dbrx.dll
TINY_MODEL=$ROOT/tests/models/tiny-dbrx
TINY_PRESTACKED=$ROOT/build/models/tiny-dbrx.prestacked
BUILT=$ROOT/build/built
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

fail() { echo "run.sh: $*" >&2; exit 1; }
say() { echo "run.sh: $*" >&2; }

# ── what a machine needs ────────────────────────────────────────────────────────────────────────────────────────────
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else fail "needs root to install: $*"; fi; }

install_packages() { # Debian and Homebrew names differ: install_packages "debian names" "homebrew names"
  if command -v apt-get >/dev/null; then
    say "installing $1"
    { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1; } >"$ROOT/build/install.log" 2>&1 ||
      { tail -5 "$ROOT/build/install.log" >&2; fail "could not install $1"; }
  elif command -v brew >/dev/null; then
    say "installing $2"
    brew install -q $2
  else
    fail "install these and start again: $1"
  fi
}

require_tools() {
  mkdir -p "$ROOT/build"
  command -v dotnet >/dev/null || fail "dotnet: not found; install the .NET 10 SDK (https://dot.net/download) and start again"
  local missing_debian="" missing_brew=""
  command -v make >/dev/null && command -v c++ >/dev/null || { missing_debian+=" make g++"; missing_brew+=" make"; }
  command -v "$MPICC" >/dev/null && command -v "$MPIEXEC" >/dev/null || { missing_debian+=" openmpi-bin libopenmpi-dev"; missing_brew+=" open-mpi"; }
  [ -z "$missing_debian" ] || install_packages "$missing_debian" "$missing_brew"
}

MPICC=${MPICC:-mpicc}
MPIEXEC=${MPIEXEC:-mpiexec}

# ── build ───────────────────────────────────────────────────────────────────────────────────────────────────────────
is_stale() { # is_stale STAMP FOLDER… : whether anything under the folders is newer than the stamp
  [ ! -e "$1" ] || [ -n "$(find "${@:2}" -newer "$1" -type f -not -path '*/bin/*' -not -path '*/obj/*' -print -quit)" ]
}

build() {
  require_tools
  SPMD_MPI_LIBRARY=$(make -s -C "$ROOT/native/mpi" MPICC="$MPICC" library) || fail "native/mpi does not build with $MPICC"
  export SPMD_MPI_LIBRARY
  make -s -C "$ROOT/native/cpu" >"$ROOT/build/cpu.log" 2>&1 || say "native/cpu does not build (build/cpu.log): --prefill bfloat16 is not available"
  is_stale "$BUILT" "$ROOT"/{src,native,tests,Directory.Build.props,Directory.Build.targets,Directory.Packages.props,global.json,SpmdDbrx.sln,.editorconfig} || return 0
  say "building"
  dotnet build -c Release -v quiet "$ROOT/SpmdDbrx.sln" >"$ROOT/build/build.log" 2>&1 ||
    { grep -E 'error|warn' "$ROOT/build/build.log" | sort -u | head -20 >&2; fail "the build failed; all of it: build/build.log"; }
  touch "$BUILT"
}

# ── run ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
mpi_is_open_mpi() { "$MPIEXEC" --version 2>/dev/null | grep -q 'Open MPI\|OpenRTE'; }

mpich_hostfile() { # Open MPI writes "host slots=N", MPICH "host:N"
  local converted
  converted=$(mktemp "${TMPDIR:-/tmp}/spmd-hosts.XXXXXX")
  sed -E 's/#.*//; s/^[[:space:]]*([^[:space:]]+)[[:space:]]+slots=([0-9]+).*/\1:\2/; /^[[:space:]]*$/d' "$1" >"$converted"
  echo "$converted"
}

# MPICH ends all ranks at once when one is killed, before the others can say which, and names another one in a banner on standard
# output. So the shell around a rank outlives it until the others have missed it, and speaks itself if they have not.
HOLD_LOST_RANK='
  "$@" <&0 & rank=$!
  for signal in TERM INT USR1; do trap "kill -$signal $rank" $signal; done
  { until wait $rank; code=$?; ! kill -0 $rank; do :; done; } 2>/dev/null
  case $code in
    134 | 135 | 136 | 137 | 139)
      [ "$PMI_SIZE" = 1 ] || sleep 4
      echo "[$PMI_RANK/$(hostname)] spmd-dbrx: lost rank $PMI_RANK on $(hostname): ended by signal $((code - 128))" >&2
      exit 75 ;;
  esac
  exit $code'

launch() { # launch RANKS HOSTFILE COMMAND… : under mpiexec
  local ranks=$1 hostfile=$2
  shift 2
  local options=(-n "$ranks") around=()
  if mpi_is_open_mpi; then
    # Not bound: a rank's threads may use all cores. Yielding costs 1 µs with a core a rank and saves 16 ms without.
    # No timeout: every host would spend two seconds between SIGTERM and SIGKILL.
    # Recursive doubling (4): the all-reduce of ranks that yield is a reduction and a broadcast by default, twice the latencies.
    options+=(--bind-to none --mca mpi_yield_when_idle 1 --mca coll_libnbc_iallreduce_algorithm 4 --mca odls_base_sigkill_timeout 0
      --mca orte_base_help_aggregate 0 -x SPMD_MPI_LIBRARY)
    if [ -n "$hostfile" ]; then options+=(--hostfile "$hostfile"); else options+=(--oversubscribe); fi
    [ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  else
    [ -z "$hostfile" ] || options+=(-f "$(mpich_hostfile "$hostfile")")
    around=(bash -c "$HOLD_LOST_RANK" rank)
  fi
  supervise "$MPIEXEC" "${options[@]}" ${around[@]+"${around[@]}"} "$@"
}

# A launcher can outlive its ranks: cut off from a host it waits for that host for ever, deaf even to SIGTERM. And run.sh must not
# leave it behind when it is itself told to stop.
supervise() { # supervise LAUNCHER… : runs it to its end; exit code 75 when a rank was lost, 143 and 130 after SIGTERM and Ctrl-C
  local errors launcher watcher code=0 verdict=""
  errors=$(mktemp -d "${TMPDIR:-/tmp}/spmd-run.XXXXXX")
  mkfifo "$errors/pipe"
  trap 'verdict=143' TERM
  trap 'verdict=130' INT
  trap 'verdict=75' USR1
  watch_errors <"$errors/pipe" &
  watcher=$!
  "$@" <&0 2>"$errors/pipe" &
  launcher=$!
  { # without bash's own words on processes that a signal has ended
    wait "$launcher" || code=$? # a signal to run.sh ends the wait early
    [ -z "$verdict" ] || end_launcher "$launcher" "$verdict"
    is_gone_within 3 "$watcher" || kill "$watcher" # a daemon of a lost host may hold the pipe
    wait "$watcher" || code=75
  } 2>/dev/null
  trap - TERM INT
  trap '' USR1 # one may still come from watch_errors
  rm -r "$errors"
  return "${verdict:-$code}"
}

watch_errors() { # copies standard error, without banners that repeat what a rank has said; code 75 when a rank was lost
  local line banner="" code=0 lost="" status
  trap '' INT
  while true; do
    status=0
    IFS= read -r ${lost:+-t 1} line || status=$?
    if [ -n "$lost" ] && { [ $status -gt 128 ] || [ $((SECONDS - lost)) -gt 1 ]; }; then # the launcher still runs
      lost=""
      kill -USR1 $$
    fi
    if [ $status -gt 128 ]; then # a line may be half there
      printf '%s' "$line" >&2
      continue
    fi
    [ $status = 0 ] || [ -n "$line" ] || break
    if [[ $line =~ ^-{70,}$ ]]; then # a banner begins or ends
      case $banner in
        "") banner=$'\n'; continue ;;
        *MPI_ABORT* | *"Primary job "* | *"non-zero status"* | *"unexpectedly disconnected"*) banner=""; continue ;;
        *) line=${banner#$'\n'} ;;
      esac
      banner=""
    elif [ -n "$banner" ]; then
      banner+=$line$'\n'
      continue
    fi
    case $line in
      *": Forwarding signal "* | *ORTE_ERROR_LOG*show_help.c* | "Abort("*") on node "*) continue ;;
      *"spmd-dbrx: lost rank"* | *" exited on signal "*) code=75 lost=${lost:-$SECONDS} ;;
    esac
    printf '%s\n' "$line" >&2
  done
  printf '%s' "$banner" >&2 # one that was cut short
  return $code
}

end_launcher() { # end_launcher LAUNCHER VERDICT : SIGUSR1 goes through to all ranks, which then end by themselves
  [ "$2" = 75 ] || ! kill -USR1 "$1" || ! is_gone_within 12 "$1" || return 0
  kill -KILL "$1" || true
}

is_gone_within() { # is_gone_within TENTHS PROCESS
  local tenths=$1
  while kill -0 "$2"; do
    [ $((tenths--)) -gt 0 ] || return 1
    sleep 0.1
  done
}

spmd() { # spmd RANKS HOSTFILE COMMAND…
  local ranks=$1 hostfile=$2
  shift 2
  [ -n "$ranks" ] || exec dotnet "$PROGRAM" "$@"
  launch "$ranks" "$hostfile" dotnet "$PROGRAM" "$@"
}

count_slots() { sed -E 's/#.*//; /^[[:space:]]*$/d; s/.*slots=([0-9]+).*/\1/; t; s/.*/1/' "$1" | awk '{ n += $1 } END { print n }'; }

prestack_tiny_model() {
  [ -e "$TINY_PRESTACKED/manifest.json" ] && ! is_stale "$TINY_PRESTACKED/manifest.json" "$TINY_MODEL" "$ROOT/src/SpmdDbrx.Model/Prestack" && return 0
  mkdir -p "$(dirname "$TINY_PRESTACKED")"
  dotnet "$PROGRAM" prestack --model "$TINY_MODEL" --out "$TINY_PRESTACKED" --force
}

main_job() {
  prestack_tiny_model
  local prompt='What is lzcat?'
  : "${ranks:=2}"
  say "asking the tiny trained model on $ranks rank(s): $prompt"
  spmd "$ranks" "$hostfile" generate --model "$TINY_PRESTACKED" --chat -p "$prompt" --stream
}

# ── test ────────────────────────────────────────────────────────────────────────────────────────────────────────────
# The Metal device on Linux: kernels, emulator and fake device. Without clang 19 its tests are skipped, each saying so.
build_metal_emulator() {
  [ "$(uname -s)" != Darwin ] || return 0
  command -v clang++-19 >/dev/null || (install_packages "clang-19 libclang-rt-19-dev" "") || { say "no clang 19: the tests of the Metal device are skipped"; return 0; }
  make -s -j2 -C "$ROOT/native/metal" >"$ROOT/build/metal.log" 2>&1 || { tail -5 "$ROOT/build/metal.log" >&2; fail "native/metal does not build; all of it: build/metal.log"; }
}

# The same kernels for a CUDA device: its runner's checks run on the emulator.
build_ptx() {
  command -v clang++-19 >/dev/null || return 0
  make -s -j2 -C "$ROOT/bench/ptx" >"$ROOT/build/ptx.log" 2>&1 || { tail -5 "$ROOT/build/ptx.log" >&2; fail "bench/ptx does not build; all of it: build/ptx.log"; }
}

run_tests() {
  build_metal_emulator
  build_ptx
  "$ROOT/tests/run-all.sh"
}

# ── command line ────────────────────────────────────────────────────────────────────────────────────────────────────
ranks="" hostfile=""
while [ $# -gt 0 ]; do
  case $1 in
    -n) [ $# -gt 1 ] && [[ $2 =~ ^[1-9][0-9]*$ ]] || { echo "run.sh: -n: expected a number of ranks" >&2; exit 2; }; ranks=$2; shift 2 ;;
    --hostfile) [ $# -gt 1 ] || { echo "run.sh: --hostfile: expected a file" >&2; exit 2; }; hostfile=$2; shift 2 ;;
    *) break ;;
  esac
done

[[ ${1:-} != build && ${1:-} != test ]] || [ $# = 1 ] || { echo "run.sh: $1: expected nothing after it, found $2" >&2; exit 2; }
[[ ${1:-} != build && ${1:-} != test ]] || [ -z "$ranks$hostfile" ] || { echo "run.sh: $1: expected neither -n nor --hostfile before it" >&2; exit 2; }
[ -z "$hostfile" ] || [ -r "$hostfile" ] || fail "--hostfile $hostfile: cannot be read"
[ -z "$hostfile" ] || : "${ranks:=$(count_slots "$hostfile")}"
build
case ${1:-} in
  "") main_job ;;
  build) ;;
  test) run_tests ;;
  *) spmd "$ranks" "$hostfile" "$@" ;;
esac
