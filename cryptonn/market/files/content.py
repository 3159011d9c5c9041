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


def read_content(path: Path) -> tuple[bytes, str]:
    """Return the text of a plain, gzip or zip file in UTF-8, and the sha256 of the file as it lies on the disk.

    UTF-16 with its mark is read, too; lines end in LF or CRLF, even where the file ends them in CR.

    Raises
    ------
    DataError
        If the file is missing, a folder, unreadable, empty, broken, binary, or a zip of several files.
    """
    packed = _read(path)
    content = _unpack(path, packed)
    if not content.strip():
        raise DataError(f"{path}: the file is empty. Fetch it again.")
    content = _in_utf8(path, content)
    if b"\0" in content[:4096]:
        raise DataError(
            f"{path}: this is not a text file. Give a CSV, plain or packed as .gz or .zip."
        )
    return _with_line_feeds(content), hashlib.sha256(packed).hexdigest()


def _in_utf8(path: Path, content: bytes) -> bytes:
    """Return the text in UTF-8 without a mark; Windows programs write UTF-16 with one."""
    if not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode("utf-16").encode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: the file begins as UTF-16 text and does not go on so ({error.reason}). Fetch it again, or save "
            "it as UTF-8."
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
        if len(names) != 1:
            raise DataError(
                f"{path}: the zip holds {len(names)} files ({', '.join(names[:5])}); it must hold one. "
                "Unpack it and give the files."
            )
        return archive.read(names[0])
