"""Water over the ground: shallow-water flow of rain, rivers and the sea through streets."""
