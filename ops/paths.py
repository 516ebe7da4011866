"""Where this checkout keeps its things."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DB = ROOT / "db"
VAR = ROOT / "var"
EURUSD_BARS = VAR / "data" / "EURUSD.csv"
