#!/usr/bin/env bash
# All tests, called by run.sh test: unit and golden tests, the communicator contract under every installed MPI, and run.sh itself.
# Each part prints its own result; the last line sums them up as "N passed, N failed".
set -uo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
passed=0 failed=0 skipped=0

count() { passed=$((passed + $1)); failed=$((failed + $2)); skipped=$((skipped + ${3:-0})); }

unit_tests() {
  local log=$ROOT/build/unit-tests.log
  dotnet test --no-build -c Release "$ROOT/tests/SpmdDbrx.Tests" --logger "console;verbosity=normal" >"$log" 2>&1
  local code=$?
  failures_and_skips "$log" | head -120
  local totals
  totals=$(sed -nE 's/^ *(Passed|Failed|Skipped): *([0-9]+).*/\1=\2/p' "$log" | tail -3 | tr '\n' ' ')
  local Passed=0 Failed=0 Skipped=0
  eval "$totals"
  echo "unit and golden tests: $Passed passed, $Failed failed, $Skipped skipped"
  count "$Passed" "$Failed" "$Skipped"
  if [ $code -ne 0 ] && [ "$Failed" = 0 ]; then tail -20 "$log"; echo "unit tests ended with code $code"; count 0 1; fi
}

# Every failed test with its message and stack, and a line for every skipped one with its reason.
failures_and_skips() { # failures_and_skips LOG
  awk '
    /\[SKIP\]$/ { sub(/^\[xUnit[^]]*\] */, ""); sub(/ \[SKIP\]$/, ""); name = $0; next }
    name != "" { sub(/^\[xUnit[^]]*\] */, ""); print "  Skipped " name ": " $0; name = ""; next }
    /^ +(Passed|Skipped) |^\[xUnit/ { failed = 0 }
    /^ +Failed / { failed = 1 }
    failed' "$1"
}

# "mpicc mpiexec" of every MPI to test: the chosen one, or all that Debian has installed side by side.
installed_mpis() {
  local suffix found=""
  if [ -z "${MPICC:-}${MPIEXEC:-}" ]; then
    for suffix in .openmpi .mpich; do
      command -v mpicc$suffix >/dev/null && command -v mpiexec$suffix >/dev/null && echo "mpicc$suffix mpiexec$suffix" && found=yes
    done
  fi
  [ -n "$found" ] || echo "${MPICC:-mpicc} ${MPIEXEC:-mpiexec}"
}

mpi_tests() { # mpi_tests MPICC MPIEXEC
  local library ranks log=$ROOT/build/mpi-tests.log
  library=$(make -s -C "$ROOT/native/mpi" MPICC="$1" library) || { echo "$1: the shim does not build"; count 0 1; return; }
  for ranks in 1 2 4; do
    SPMD_MPI_LIBRARY=$library timeout 120 "$2" -n $ranks $(mpiexec_options "$2") \
      dotnet "$ROOT/tests/SpmdDbrx.MpiTests/bin/Release/net10.0/SpmdDbrx.MpiTests.dll" >"$log" 2>&1 </dev/null
    local code=$? result
    result=$(sed -nE 's/.*MPI tests: ([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p' "$log")
    if [ -z "$result" ]; then
      echo "communicator under $2 -n $ranks: no result, code $code"
      tail -5 "$log"
      count 0 1
      continue
    fi
    echo "communicator under $2 -n $ranks: ${result% *} passed, ${result#* } failed"
    count $result
    [ "${result#* }" = 0 ] || grep -i 'failed' "$log" | head -5
    if [ $code -ne 0 ] && [ "${result#* }" = 0 ]; then echo "it ended with code $code"; count 0 1; fi
  done
}

mpiexec_options() {
  if "$1" --version 2>/dev/null | grep -q 'Open MPI\|OpenRTE'; then echo "--bind-to none --oversubscribe"; fi
}

run_sh_tests() {
  local hosts=$ROOT/build/three-slots run_passed=0 run_failed=0 code output
  printf '# one machine\nlocalhost slots=3\n' >"$hosts"
  answers_from "1 rank" -n 1
  answers_from "2 ranks"
  answers_from "3 ranks" --hostfile "$hosts"
  answers_from "4 ranks" -n 4
  refuses "-n: expected a number of ranks" -n 0
  refuses "--hostfile: expected a file" --hostfile
  refuses "--hostfile /nowhere: cannot be read" --hostfile /nowhere
  refuses "build: expected neither -n nor --hostfile before it" -n 2 build
  refuses "build: expected nothing after it, found now" build now
  echo "run.sh: $run_passed passed, $run_failed failed"
  count $run_passed $run_failed
}

answers_from() { # answers_from RANKS OPTIONS… : the main job gives the golden answer, from so many ranks
  run_it "${@:2}"
  [ $code = 0 ] && grep -qxF 'Compress or decompress .xz and .lzma files.' <<<"$output" && grep -q "^$1 ·" <<<"$output"
  judge $? "the answer from $1" "${@:2}"
}

refuses() { # refuses MESSAGE ARGUMENTS… : one line and a code other than 0
  run_it "${@:2}"
  [ $code != 0 ] && [ "$output" = "run.sh: $1" ]
  judge $? "\"$1\"" "${@:2}"
}

run_it() { code=0 output=$(timeout 60 "$ROOT/run.sh" "$@" 2>&1 </dev/null) || code=$?; }

judge() { # judge STATUS EXPECTED ARGUMENTS…
  if [ $1 = 0 ]; then run_passed=$((run_passed + 1)); return; fi
  run_failed=$((run_failed + 1))
  printf '  Failed run.sh %s: expected %s, found, with code %s:\n%s\n' "${*:3}" "$2" $code "$output"
}

[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unit_tests
while read -r mpicc mpiexec; do mpi_tests "$mpicc" "$mpiexec"; done < <(installed_mpis)
run_sh_tests
[ "$skipped" = 0 ] || echo "$skipped tests were skipped: each says why above"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
