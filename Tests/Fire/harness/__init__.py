"""What the tests under fire are made of: a mesh with load on it, faults, and the final reckoning."""
