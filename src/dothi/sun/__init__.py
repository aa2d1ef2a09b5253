"""Sun on every roof and wall: horizons among buildings and hills, beam, sky, and what the neighbourhood reflects."""
