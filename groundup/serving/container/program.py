"""The running program as a wheel, and the packages that a server needs, in the versions that are installed here.

So the container runs what was tried where the folder was made, whether or not that version was ever published.
"""

import base64
import hashlib
import re
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import groundup

SERVING = (
    "fastapi",
    "jinja2",
    "numba",
    "numpy",
    "pydantic",
    "regex",
    "rich",
    "ruamel.yaml",
    "torch",
    "typer",
    "uvicorn",
)
WHEN = (1980, 1, 1, 0, 0, 0)  # of every file in the wheel, so that equal programs make equal wheels
ABOUT = """Metadata-Version: 2.1
Name: groundup
Version: {version}
Requires-Python: >=3.11
"""
WHEEL = """Wheel-Version: 1.0
Generator: groundup
Root-Is-Purelib: true
Tag: py3-none-any
"""
COMMAND = """[console_scripts]
groundup = groundup.__main__:main
"""


def write_wheel(into: Path) -> str:
    """This program as a wheel in a folder; the file's name comes back. What it needs is not in it, see `requirements`."""
    version = groundup.__version__
    name, home = f"groundup-{version}-py3-none-any.whl", f"groundup-{version}.dist-info"
    told = {"METADATA": ABOUT.format(version=version), "WHEEL": WHEEL, "entry_points.txt": COMMAND}
    files = dict(_program()) | {f"{home}/{each}": text.encode() for each, text in told.items()}
    record = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files.items()]
    files[f"{home}/RECORD"] = "\n".join([*record, f"{home}/RECORD,,", ""]).encode()
    with zipfile.ZipFile(into / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in files.items():
            about = zipfile.ZipInfo(path, WHEN)
            about.external_attr, about.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            wheel.writestr(about, data)
    return name


def _program() -> Iterator[tuple[str, bytes]]:
    """(path in the wheel, content) of every file of the package."""
    home = Path(groundup.__file__).parent
    for path in sorted(home.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"groundup/{path.relative_to(home).as_posix()}", path.read_bytes()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def requirements() -> list[str]:
    """What a server imports of others; all that prepares texts and draws reports stays out."""
    return [f"{name}=={_version(name)}" for name in SERVING]


def constraints() -> list[str]:
    """The versions of all that those need in turn, as far as it is installed here."""
    found: dict[str, str] = {}
    left: list[str] = list(SERVING)
    while left:
        name = left.pop()
        if name in found or not (version := _version(name)):
            continue
        found[name] = version
        for needed in metadata.requires(name) or ():
            if "extra ==" not in needed:
                left.append(re.split(r"[^\w.-]", needed, maxsplit=1)[0].lower().replace("_", "-"))
    return sorted(f"{name}=={version}" for name, version in found.items())


def _version(name: str) -> str | None:
    """Without the local part: torch 2.9.0+cpu is 2.9.0, and the index decides for which devices it was built."""
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None
