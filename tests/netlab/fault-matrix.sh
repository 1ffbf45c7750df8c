#!/usr/bin/env bash
# Every fault (kill, freeze, cut) in every phase (load, prefill, decode) at every rank of four hosts: 36 jobs, some minutes.
# run.sh test runs nine of them. Needs root and /dev/net/tun; run.sh builds first.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
"$ROOT/run.sh" build
SPMD_MPI_LIBRARY=$(make -s -C "$ROOT/native/mpi" library) SPMD_FAULT_MATRIX=all \
  dotnet test --no-build -c Release "$ROOT/tests/SpmdDbrx.Tests" --filter FullyQualifiedName~LostRankTests --logger "console;verbosity=normal"
