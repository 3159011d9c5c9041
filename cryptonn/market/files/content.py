"""The bytes of a candle file: found, unpacked, and fingerprinted."""

import codecs
import gzip
import hashlib
import io
import zipfile
import zlib
from pathlib import Path

from cryptonn.errors import DataError, did_you_mean

__all__ = ["read_content"]

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_PANDAS = "Write it as a CSV, as in pandas: DataFrame.to_csv."
_UNPACK = "Unpack it and give the files in it."
_KINDS = (
    (b"PAR1", "a Parquet file", _PANDAS),
    (b"ARROW1", "a Feather file", _PANDAS),
    (b"\x89HDF", "an HDF5 file", _PANDAS),
    (b"\x80\x04", "a pickle of Python", _PANDAS),
    (b"\x80\x05", "a pickle of Python", _PANDAS),
    (b"SQLite format 3", "an SQLite database", _PANDAS),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "Save it as CSV and give that."),
    (b"BZh", "packed with bzip2", _UNPACK),
    (b"\xfd7zXZ", "packed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"Rar!", "a rar archive", _UNPACK),
)
"""How files begin that hold no CSV, what they are, and what to do."""
_TAR = (257, b"ustar")
"""Where a tar archive says that it is one."""
_SHEET = "[Content_Types].xml"
"""A file in every Excel workbook."""


def read_content(path: Path) -> tuple[bytes, str]:
    """Return the text of a plain, gzip or zip file in UTF-8, and the sha256 of the file
    as it lies on the disk.

    UTF-16 with its mark is read, too; lines end in LF or CRLF, even where the file ends them in CR.

    Raises
    ------
    DataError
        If the file is missing, a folder, unreadable, empty, broken, of another kind than CSV (a
        workbook, JSON, Parquet, a tar archive, …), or a zip of several files.
    """
    packed = _read(path)
    content = _unpack(path, packed)
    if not content.strip():
        raise DataError(f"{path}: the file is empty. Fetch it again.")
    _refuse_other_kind(path, content)
    content = _in_utf8(path, content)
    if b"\0" in content[:4096]:
        raise DataError(
            f"{path}: this is not a text file. Give a CSV, plain or packed as .gz or .zip."
        )
    return _with_line_feeds(content), hashlib.sha256(packed).hexdigest()


def _refuse_other_kind(path: Path, content: bytes) -> None:
    """Refuse what is no CSV by its first bytes, and say what to do."""
    for start, name, advice in _KINDS:
        if content.startswith(start):
            raise DataError(f"{path}: this is {name}, not a text file. {advice}")
    place, mark = _TAR
    if content[place : place + len(mark)] == mark:
        raise DataError(f"{path}: this is a tar archive, not a text file. {_UNPACK}")
    start = content[:1000].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith((b"[[", b"[{", b"{")) or (start[:1] == b"[" and path.suffix == ".json"):
        raise DataError(f"{path}: this is JSON, not a CSV. {_PANDAS}")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DataError(
            f"{path}: this is a page of the web (HTML or XML), not a CSV. Look at it in a browser: "
            "it may hold an error of the site. Fetch the file again."
        )


def _in_utf8(path: Path, content: bytes) -> bytes:
    """Return the text in UTF-8 without a mark; Windows programs write UTF-16 with one."""
    if not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode("utf-16").encode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: the file begins as UTF-16 text and does not go on so ({error.reason}). "
            "Fetch it again, or save it as UTF-8."
        ) from error


def _with_line_feeds(content: bytes) -> bytes:
    """End every line in LF where some end in CR alone, as on old Macs; CRLF may stay."""
    if content.count(b"\r") == content.count(b"\r\n"):
        return content
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file.{_near(path)}") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: this is a folder. Give the files in it.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).{_near(path)}") from error


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f" The folder {path.parent} does not exist either."
    names = sorted(file.name for file in path.parent.iterdir())
    return did_you_mean(path.name, names)


def _unpack(path: Path, packed: bytes) -> bytes:
    try:
        if packed.startswith(_GZIP) or path.suffix == ".gz":
            return gzip.decompress(packed)
        if packed.startswith(_ZIP) or path.suffix == ".zip":
            return _unzip(path, packed)
    except (
        OSError,
        EOFError,
        zlib.error,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise DataError(
            f"{path}: the packed file is broken or cut off ({error}). Fetch it again."
        ) from error
    return packed


def _is_litter(item: zipfile.ZipInfo) -> bool:
    """Tell whether a member of a zip is a folder, or what a Mac puts beside each file."""
    hidden = item.filename.rpartition("/")[2].startswith(".")
    return item.is_dir() or hidden or item.filename.startswith("__MACOSX/")


def _unzip(path: Path, packed: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = [item.filename for item in archive.infolist() if not _is_litter(item)]
        if _SHEET in names:
            raise DataError(f"{path}: this is an Excel workbook. Save it as CSV and give that.")
        if len(names) != 1:
            raise DataError(
                f"{path}: the zip holds {len(names)} files ({', '.join(names[:5])}); "
                "it must hold one. Unpack it and give the files."
            )
        return archive.read(names[0])
