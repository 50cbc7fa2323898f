"""Decides: interactions in, effects out. No input or output happens here, and the time is always an argument."""
