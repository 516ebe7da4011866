"""The committed protobuf classes are what the contract generates."""

import subprocess
import sys
from pathlib import Path

import pytest

from ops.paths import ROOT

pytestmark = pytest.mark.core


def test_generated_classes_are_current(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=.", f"--python_out={tmp_path}"]
    subprocess.run([*command, f"--pyi_out={tmp_path}", "gateway/ecp.proto"], cwd=ROOT, check=True)
    for name in ("gateway/ecp_pb2.py", "gateway/ecp_pb2.pyi"):
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), f"{name} is stale: run `make proto`"
