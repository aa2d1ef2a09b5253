"""Motor traffic: who travels where by what, and by which streets."""
