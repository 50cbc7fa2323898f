"""One client's history as a picture: when it was heard, when it was expected, and which alerts there were.

`history` runs the detector over a log and keeps what concerns the client; `picture` draws it as SVG.
"""
