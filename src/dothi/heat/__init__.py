"""Heat balance of every building: heating, cooling, hot water, appliances, lighting, and what they draw from where."""
