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
  grep -E '^\s+(Failed|Skipped) |^\s+Error Message|^\s+Stack Trace' -A 3 "$log" | head -120
  local totals
  totals=$(sed -nE 's/^ *(Passed|Failed|Skipped): *([0-9]+).*/\1=\2/p' "$log" | tail -3 | tr '\n' ' ')
  local Passed=0 Failed=0 Skipped=0
  eval "$totals"
  echo "unit and golden tests: $Passed passed, $Failed failed, $Skipped skipped"
  count "$Passed" "$Failed" "$Skipped"
  if [ $code -ne 0 ] && [ "$Failed" = 0 ]; then tail -20 "$log"; echo "unit tests ended with code $code"; count 0 1; fi
}

# Every MPI of this machine: the one in use, and Debian's other one where it is installed.
installed_mpis() {
  for suffix in "" .openmpi .mpich; do
    command -v "${MPICC:-mpicc}$suffix" >/dev/null && command -v "${MPIEXEC:-mpiexec}$suffix" >/dev/null || continue
    [ -n "$suffix" ] || command -v mpicc.openmpi mpicc.mpich >/dev/null && [ -z "$suffix" ] && [ -z "${MPICC:-}" ] && continue
    echo "${MPICC:-mpicc}$suffix ${MPIEXEC:-mpiexec}$suffix"
  done
}

mpi_tests() { # mpi_tests MPICC MPIEXEC
  local library ranks log=$ROOT/build/mpi-tests.log
  library=$(make -s -C "$ROOT/native/mpi" MPICC="$1" library) || { echo "$1: the shim does not build"; count 0 1; return; }
  for ranks in 1 2 4; do
    SPMD_MPI_LIBRARY=$library timeout 120 "$2" -n $ranks $(mpiexec_options "$2") \
      dotnet "$ROOT/tests/SpmdDbrx.MpiTests/bin/Release/net10.0/SpmdDbrx.MpiTests.dll" >"$log" 2>&1
    local code=$? result
    result=$(sed -nE 's/.*MPI tests: ([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p' "$log")
    echo "communicator under $2 -n $ranks: ${result:+${result% *} passed, ${result#* } failed}${result:-no result, code $code}"
    if [ -n "$result" ]; then count $result; else count 0 1; fi
    [ $code -eq 0 ] || { grep -i 'failed' "$log" | head -5; [ "${result#* }" != 0 ] || count 0 1; }
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
