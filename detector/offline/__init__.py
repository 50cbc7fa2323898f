"""The detector over files, without a broker."""
