"""Recognise files by their first bytes, and name those that are no text: what each is, and what to do."""

import zipfile
from typing import Final

from detector.files.problem import InputError

GZIP: Final = b"\x1f\x8b"
ZIP: Final = b"PK\x03\x04"
HEAD_BYTES: Final = 512  # a tar archive is recognised at byte 257

_SAVE_AS_CSV = "open it and save it as CSV (UTF-8)"
_UNPACK = "unpack it first"
_EXPORT = "export its table as CSV or as one JSON object a line"
_NAMED: Final = (
    # first bytes, what they begin, what to do
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook (xls) or another old Office document", _SAVE_AS_CSV),
    (b"PK\x05\x06", "an empty zip", "fetch it again"),
    (b"PAR1", "a Parquet file", _EXPORT),
    (b"Obj\x01", "an Avro file", _EXPORT),
    (b"ORC", "an ORC file", _EXPORT),
    (b"ARROW1", "an Arrow file", _EXPORT),
    (b"SQLite format 3\0", "an SQLite database", _EXPORT),
    (b"%PDF", "a PDF", "ask for the data as CSV"),
    (b"{\\rtf", "a text document (RTF)", _SAVE_AS_CSV),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a rar archive", _UNPACK),
    (b"\x89PNG", "a picture", "ask for the data as CSV"),
    (b"\xff\xd8\xff", "a picture", "ask for the data as CSV"),
)
_MARKUP: Final = (b"<!doctype html", b"<html", b"<?xml", b"<table", b"<workbook")
_TAR_AT, _TAR = 257, b"ustar"


def refuse_other_formats(path: str, head: bytes) -> None:
    """Raise `InputError` with the name of the format, if these first bytes are of one that is not read."""
    for magic, what, remedy in _NAMED:
        if head.startswith(magic):
            raise InputError(f"{path} is {what}; {remedy}")
    if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        raise InputError(f"{path} is a tar archive; {_UNPACK}")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_MARKUP):
        raise InputError(f"{path} is a web page or XML, no table: perhaps a login page was saved; {_EXPORT}")


def member_of(path: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the one file of a zip.

    Raises
    ------
    InputError
        If it is an Office document, has several files or none, or is encrypted.
    """
    names = archive.namelist()
    if "[Content_Types].xml" in names or "mimetype" in names:
        kind = "an Excel workbook (xlsx)" if any(name.startswith("xl/") for name in names) else "an Office document"
        raise InputError(f"{path} is {kind}; {_SAVE_AS_CSV}")
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/") and "/." not in f"/{member.filename}"
    ]
    if len(members) != 1:
        listed = ", ".join(member.filename for member in members[:5]) or "none"
        raise InputError(f"{path} is a zip of {len(members)} files ({listed}); {_UNPACK}, and name the files to read")
    if members[0].flag_bits & 1:
        raise InputError(f"{path} is a zip with a password; {_UNPACK}")
    return members[0]
