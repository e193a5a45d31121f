"""Archives: members are read as if they were files, nothing is written, and none costs more than its size explains."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from groundup.data.reading import bounds
from tests.reading_example import problems, read, reader, tarred, texts, zipped

FILES = {"a/one.txt": b"first", "two.jsonl": b'{"text": "second"}\n{"text": "third"}\n', "x.png": b"picture"}


@pytest.mark.parametrize(
    "suffix, pack", [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)]
)
def test_members_of_a_tar_are_read_as_files(tmp_path, suffix, pack):
    (tmp_path / f"all.tar{suffix}").write_bytes(pack(tarred(FILES)))
    seen = reader(tmp_path)
    found = list(seen)
    assert texts(found) == ["first", "second", "third"] and seen.skipped == {".png": 1}
    assert [record.id for record in found][:2] == [f"all.tar{suffix}!/a/one.txt", f"all.tar{suffix}!/two.jsonl#1"]


def test_members_of_a_zip_are_read_as_files(tmp_path):
    (tmp_path / "all.zip").write_bytes(zipped(FILES))
    assert [record.id for record in read(tmp_path)][0] == "all.zip!/a/one.txt"
    assert texts(read(tmp_path)) == ["first", "second", "third"]


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_every_tar_of_the_standard_writer_is_read_alike(tmp_path, format):
    names = ["a" * 90 + ".txt", "b/" * 60 + "c.txt", "é.txt"] + ["d" * 90 + "/" + "e" * 90 + ".txt"]
    (tmp_path / "a.tar").write_bytes(tarred({name: name.encode() for name in names}, format))
    assert sorted(texts(read(tmp_path))) == sorted(names)


def test_archives_in_archives_are_read_to_a_depth(tmp_path):
    body = b"deep"
    inner = zipped({"a.txt": body})
    for depth in range(6):
        (tmp_path / "a.zip").write_bytes(inner)
        found = read(tmp_path)
        assert texts(found) == (["deep"] if depth < bounds.DEPTH else []), depth
        assert len(problems(found)) == (depth >= bounds.DEPTH)
        inner = zipped({"in.tar": tarred({"in.zip": inner})}) if depth == 9 else zipped({"in.zip": inner})


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_names_that_lead_out_links_and_devices_are_refused_and_the_rest_is_read(tmp_path):
    bad = {"../up.txt": b"out", "/abs.txt": b"out", "a/../../up.txt": b"out", "C:\\x.txt": b"out"}
    odd = {
        "link.txt": special("link.txt", tarfile.SYMTYPE, "/etc/passwd"),
        "hard.txt": special("hard.txt", tarfile.LNKTYPE, "good.txt"),
        "null.txt": special("null.txt", tarfile.CHRTYPE),
        "pipe.txt": special("pipe.txt", tarfile.FIFOTYPE),
    }
    (tmp_path / "a.tar").write_bytes(tarred({"good.txt": b"good", **bad, **odd, "last.txt": b"last"}))
    seen = reader(tmp_path)
    found = list(seen)
    assert texts(found) == ["good", "last"]
    assert problems(found) == ["its name leads out of the archive"] * 4
    assert seen.skipped == {"a link in an archive": 2, "a device in an archive": 1, "a pipe in an archive": 1}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar"], "nothing is written"


def test_links_and_passwords_in_a_zip_are_left_out(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("../up.txt", "out")
        archive.writestr("good.txt", "good")
    (tmp_path / "a.zip").write_bytes(made.getvalue())
    seen = reader(tmp_path)
    found = list(seen)
    assert texts(found) == ["good"] and len(problems(found)) == 1 and seen.skipped == {"a link in an archive": 1}


@pytest.fixture
def small_bounds(monkeypatch):
    monkeypatch.setattr(bounds, "FREE", 1 << 20)


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.tar.gz", "bomb.jsonl.xz", "bomb.txt.bz2"])
def test_a_bomb_is_stopped_by_its_ratio_and_the_next_file_is_read(tmp_path, small_bounds, name):
    zeros = bytes(8 << 20)
    packed = {
        "bomb.zip": lambda: zipped({"a.txt": zeros, "b.txt": zeros}),
        "bomb.tar.gz": lambda: gzip.compress(tarred({"a.txt": zeros})),
        "bomb.jsonl.xz": lambda: lzma.compress(zeros),
        "bomb.txt.bz2": lambda: bz2.compress(zeros),
    }
    (tmp_path / name).write_bytes(packed[name]())
    (tmp_path / "next.txt").write_text("unharmed")
    found = read(tmp_path)
    assert len(problems(found)) == 1 and "unpacks to more than" in problems(found)[0]
    assert found[-1].body == b"unharmed"


def test_a_bomb_of_small_bombs_shares_one_allowance(tmp_path, small_bounds):
    inner = zipped({f"{n}.txt": bytes(300_000) for n in range(10)})
    (tmp_path / "a.zip").write_bytes(zipped({f"{n}.zip": inner for n in range(10)}))
    found = read(tmp_path)
    assert "unpacks to more than" in problems(found)[-1] and len(found) < 20


def test_a_broken_member_costs_itself_alone(tmp_path):
    packed = bytearray(zipped({"a.txt": b"first " * 100, "b.txt": b"second " * 100}))
    packed[40] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(packed)
    found = read(tmp_path)
    assert len(problems(found)) == 1 and texts(found) == ["second " * 100]


def test_after_a_broken_header_reading_goes_on_at_the_next(tmp_path):
    packed = bytearray(tarred({"a.txt": b"first", "b.txt": b"second", "c.txt": b"third"}, tarfile.USTAR_FORMAT))
    packed[1024:1030] = b"\xff" * 6
    (tmp_path / "a.tar").write_bytes(packed)
    found = read(tmp_path)
    assert texts(found) == ["first", "third"] and "broken" in problems(found)[0]


@pytest.mark.parametrize("cut", [100, 700, 1500])
def test_a_tar_that_ends_early_gives_what_it_holds(tmp_path, cut):
    (tmp_path / "a.tar").write_bytes(tarred({"a.txt": b"x" * 300, "b.txt": b"y" * 300}, tarfile.USTAR_FORMAT)[:cut])
    found = read(tmp_path)
    assert problems(found) and len(texts(found)) == (cut > 1000)
