"""`ecp torture`: break the plane while it works, and compare what it promised with what is there afterwards."""
