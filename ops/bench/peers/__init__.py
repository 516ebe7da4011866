"""What the plane is measured beside: Redis Streams with a worker, plain inserts, an echo."""
