"""What vehicles emit."""
