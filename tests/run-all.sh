#!/usr/bin/env bash
# All tests, called by run.sh test: unit and golden tests, then the communicator contract under every installed MPI.
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

[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unit_tests
while read -r mpicc mpiexec; do mpi_tests "$mpicc" "$mpiexec"; done < <(installed_mpis)
[ "$skipped" = 0 ] || echo "$skipped tests were skipped: each says why above"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
