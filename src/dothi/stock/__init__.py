"""Stock: what stands and who lives in each ward and zone."""
