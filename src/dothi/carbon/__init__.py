"""Carbon dioxide of a city: energy of its buildings, its traffic, what solar modules avoid, what building costs."""
