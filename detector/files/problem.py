"""The one error of this folder: a file that cannot be used, in one line that says the remedy."""


class InputError(Exception):
    """A file that cannot be used: one line that says the remedy."""
