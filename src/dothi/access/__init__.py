"""Access: how far people are from what they need, on the network."""
