"""District cooling and heating: networks along streets, their water by the hour, their plant, cost and carbon."""
