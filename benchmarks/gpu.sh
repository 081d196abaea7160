#!/usr/bin/env bash
# All that wants a GPU, in about half an hour: the tests that need one, the kernels' speed (into
# benchmarks/results/gpu.json), and the labs' full profiles with records for the book. Without a GPU:
# one line, and that is fine.
#
#   benchmarks/gpu.sh [FOLDER]      # of the records; default book/records/full
#
# PYTHON names the interpreter (default: .venv/bin/python, else python3); LABS the labs, in order of
# importance; MINUTES the time for their runs together. What does not fit is left out, and said.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${PYTHON:-}" ]; then
    PYTHON=python3
    [ -x .venv/bin/python ] && PYTHON=.venv/bin/python
fi
if ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    echo "gpu.sh: no GPU here (or no PyTorch that sees it); nothing to do."
    exit 0
fi

records=${1:-book/records/full}
minutes=${MINUTES:-25}
labs=${LABS:-radialctc bitconv3d tsm-stm tsn-trn cpnet efficient3d scene-text attention-on-video smkd}
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
end=$((SECONDS + 60 * minutes))

"$PYTHON" -c 'import torch; print("gpu.sh:", torch.cuda.get_device_name(), "torch", torch.__version__)'
status=0
"$PYTHON" -m pytest -q -p no:cacheprovider -m gpu tests || status=1
"$PYTHON" -m pytest -q -p no:cacheprovider tests/nn/test_packed.py || status=1
"$PYTHON" benchmarks/gpu_kernels.py --json benchmarks/results/gpu.json || status=1
mkdir -p "$records"
for lab in $labs; do
    left=$((end - SECONDS))
    if [ "$left" -lt 60 ]; then
        echo "gpu.sh: no time left for $lab"
        continue
    fi
    # A lab that fails or takes too long costs itself only.
    if "$PYTHON" -m vidlab run "$lab" --profile full --device cuda --out "$runs" --timeout "$left"; then
        newest=$(ls -d "$runs/$lab"/*/ | tail -n 1)
        cp "${newest}record.json" "$records/$lab.json"
        echo "gpu.sh: $records/$lab.json"
    else
        echo "gpu.sh: $lab did not finish"
        status=1
    fi
done
exit $status
