#!/usr/bin/env bash
# Makes .venv with everything that uv.lock names. Run by `make setup` when the lock is newer than the stamp.
set -euo pipefail
cd "$(dirname "$0")/.."

UV_VERSION=0.13.8

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Python 3.11 or newer is needed: apt-get install python3, or PYTHON=/path/to/python3.11 make setup" >&2
  exit 1
fi

# Debian ships venv apart from Python; without it, ensurepip is missing.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'installing python3-venv'
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3-venv >/dev/null
  else
    echo 'the venv module of Python is missing; install it with: sudo apt-get install python3-venv' >&2
    exit 1
  fi
fi

echo 'setting up .venv'
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  rm -rf .venv
  "$python" -m venv .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
# uv removes what the lock does not name, itself included: --inexact keeps it and pip.
UV_PYTHON_DOWNLOADS=never .venv/bin/uv sync --frozen --inexact --quiet --python .venv/bin/python
