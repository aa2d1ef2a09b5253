"""Pages and pictures made from a city."""
