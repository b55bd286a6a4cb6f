"""Files on their way from clients to storage: a folder of this machine, and an S3 server."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from support.client import Member, bearer, connect, problem
from support.mesh import Mesh
from support.s3 import S3Server
from support.waiting import eventually

LIMIT = 10 << 20
# What 80 MB on their way may add to a gateway, which reads and writes by pieces.
GROWTH = 16 << 20
AT_ONCE = 8


@dataclass
class Storage:
    """A mesh, and what it keeps."""

    mesh: Mesh
    objects: Callable[[], set[str]]
    # None where it is a folder.
    server: S3Server | None = None

    def gateway(self) -> Path:
        """What the kernel says of the gateway."""
        return Path(f"/proc/{self.mesh.replica('gateway')['pid']}")

    def spools(self) -> list[str]:
        """The files without names in which the gateway collects what comes."""
        links = [os.readlink(file) for file in (self.gateway() / "fd").iterdir() if os.path.lexists(file)]
        return [link for link in links if "/.spool-" in link]

    def leftovers(self) -> list[str]:
        """All that uploads leave on disk while they are under way, wherever it lies."""
        kept = [name for name in self.objects() if name.startswith(("incoming/", ".parts/"))]
        working = [str(file) for folder in ("spool", "tmp") for file in (self.mesh.folder / folder).iterdir()]
        return kept + working + self.spools()

    def pictures(self) -> set[str]:
        """The pictures that are kept."""
        return {name for name in self.objects() if name.startswith("public/profiles/")}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nothing is kept of what happens meanwhile."""
        before = self.pictures()
        yield
        eventually(lambda: not self.leftovers(), "nothing is left behind")
        assert self.pictures() == before


@pytest.fixture(scope="module", params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, mesh: Mesh) -> Iterator[Storage]:
    """Each kind of storage."""
    if request.param == "folder":
        media = mesh.folder / ".mesh/media"
        yield Storage(mesh, lambda: {str(file.relative_to(media)) for file in media.rglob("*") if file.is_file()})
        return
    with S3Server() as server, Mesh(STORAGE_URL=server.url) as other:
        yield Storage(other, server.objects, server)


@pytest.fixture
def http(storage: Storage) -> Iterator[httpx.Client]:
    """A client of the mesh with this storage."""
    with connect(storage.mesh.url) as client:
        yield client


def picture(color: str = "red", size: int = 0) -> bytes:
    """A JPEG; of so many bytes, if it is wanted larger than it is."""
    command = ["gm", "convert", "-size", "90x60", f"xc:{color}", "jpeg:-"]
    image = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    # What follows the end of the picture belongs to no picture (ITU-T T.81 B.1.1.2).
    return image + bytes(max(0, size - len(image)))


def send(member: Member, content: bytes | Iterator[bytes], kind: str = "image/jpeg") -> httpx.Response:
    headers = bearer(member.tokens["accessToken"]) | {"content-type": kind}
    return member.http.put("/api/v1/me/avatar", content=content, headers=headers)


def avatar(member: Member) -> str | None:
    return member.get("/api/v1/me").json()["avatarUrl"]


def pieces(content: bytes) -> Iterator[bytes]:
    """A body whose length nobody is told before it ends."""
    for start in range(0, len(content), 1 << 16):
        yield content[start : start + (1 << 16)]


def test_a_picture_is_kept_and_served(storage: Storage, member: Member):
    answer = send(member, picture("green", LIMIT))
    assert answer.status_code == 200, answer.text
    assert avatar(member) == answer.json()["avatarUrl"]
    for url in answer.json().values():
        assert url.removeprefix("/media/") in storage.pictures()
        file = member.http.get(url)
        if storage.server:
            assert (file.status_code, file.headers["cache-control"]) == (302, "private, max-age=600")
            link = file.headers["location"]
            # What clients are sent to is the S3 server's own address, which says nothing of ours.
            file = httpx.get(link, trust_env=False)
            assert httpx.get(link[:-1] + ("0" if link[-1] != "0" else "1"), trust_env=False).status_code == 403
        assert file.status_code == 200
        assert file.headers["content-type"] == "image/webp"
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert file.content.startswith(b"RIFF")
    if not storage.server:
        assert problem(member.http.get("/media/public/profiles/nothing.webp")) == (404, "not_found")
    eventually(lambda: not storage.leftovers(), "what came in is gone")


@contextmanager
def watched(process: Path) -> Iterator[list[int]]:
    """The memory of a process that is its own (RssAnon), in bytes, again and again."""
    over, seen = threading.Event(), []

    def look() -> None:
        while not over.is_set():
            lines = (process / "status").read_text().splitlines()
            seen.append(1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")))
            time.sleep(0.005)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def at_once(storage: Storage, work: Callable[[Member], httpx.Response]) -> list[httpx.Response]:
    """What several members are answered who do the same at the same time, each over a connection of their own."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(storage.mesh.url)) for _ in range(AT_ONCE)]
        members = [Member(client).register() for client in clients]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(work, members))


def test_the_largest_files_pass_through_little_memory(storage: Storage, member: Member):
    image = picture("yellow", LIMIT)
    assert send(member, image).status_code == 200
    with watched(storage.gateway()) as memory:
        answers = at_once(storage, lambda one: send(one, pieces(image)))
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE, [answer.text for answer in answers]
    assert max(memory) - memory[0] < GROWTH, f"{memory[0]} to {max(memory)} bytes"
    eventually(lambda: not storage.leftovers(), "what came in is gone")


def test_a_file_that_is_too_large_is_refused_before_it_is_kept(storage: Storage, member: Member):
    large = picture("yellow", LIMIT + 1)
    with storage.unchanged():
        assert problem(send(member, large)) == (413, "body_too_large")
        with watched(storage.gateway()) as memory:
            answers = at_once(storage, lambda one: send(one, pieces(large + bytes(LIMIT))))
        assert [problem(answer) for answer in answers] == [(413, "body_too_large")] * AT_ONCE
        assert max(memory) - memory[0] < GROWTH, f"{memory[0]} to {max(memory)} bytes"


def bomb() -> bytes:
    """A PNG of 400 million pixels in some ten thousand bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = 20_000
    header = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes((1 + size // 8) * size), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_what_is_no_picture_is_refused_and_forgotten(storage: Storage, member: Member):
    image = picture()
    shell = b"\xff\xd8\xff#!/bin/sh\nrm -rf /\n"
    assert len(bomb()) < 100_000
    with storage.unchanged():
        for content, kind, refusal in [
            (b"%PDF-1.7", "application/pdf", (415, "unsupported_media_type")),
            (image, "text/html", (415, "unsupported_media_type")),
            (b"%PDF-1.7", "image/jpeg", (415, "unknown_image_format")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", (415, "unknown_image_format")),
            (b"", "image/jpeg", (400, "file_missing")),
            (shell, "image/jpeg", (422, "broken_image")),
            # Every decoder makes something of half a JPEG.
            (image[: len(image) // 2], "image/jpeg", (422, "broken_image")),
            (image[:-2], "image/jpeg", (422, "broken_image")),
            (bomb(), "image/png", (422, "too_many_pixels")),
        ]:
            assert problem(send(member, content, kind)) == refusal, (content[:20], kind)
    assert avatar(member) is None


def begin(storage: Storage, member: Member, content: bytes, of: int, kind: str = "image/jpeg") -> socket.socket:
    """The beginning of an upload of so many bytes."""
    address = urlsplit(storage.mesh.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    token = member.tokens["accessToken"]
    head = f"PUT /api/v1/me/avatar HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: Bearer {token}\r\n"
    connection.sendall(f"{head}content-type: {kind}\r\ncontent-length: {of}\r\n\r\n".encode() + content)
    return connection


def test_an_upload_that_is_cut_off_leaves_nothing(storage: Storage, member: Member):
    half = picture("orange", LIMIT // 2)
    form = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.jpg"\r\ncontent-type: image/jpeg\r\n\r\n'
    with storage.unchanged():
        for reset in (False, True):
            cut = [
                begin(storage, member, half, LIMIT),
                begin(storage, member, form + half, LIMIT, "multipart/form-data; boundary=x"),
            ]
            eventually(lambda: len(storage.spools()) == len(cut), "both are being collected")
            for connection in cut:
                # Zero seconds to linger: the connection is reset, not closed.
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
            eventually(lambda: not storage.spools(), "nothing is collected any more")
    assert avatar(member) is None


def test_who_leaves_before_the_answer_leaves_nothing_half_done(storage: Storage, member: Member):
    image = picture("navy", LIMIT)
    begin(storage, member, image, LIMIT).close()
    eventually(lambda: not storage.leftovers(), "what came in is gone")
    # It was taken or it was not; what is shown is there.
    if url := avatar(member):
        assert url.removeprefix("/media/") in storage.pictures()
    assert send(member, image).status_code == 200


def test_of_several_pictures_at_once_one_is_shown_and_the_others_are_forgotten(storage: Storage, member: Member):
    before = storage.pictures()
    images = [picture(color) for color in ("#123456", "#654321", "#abcdef")]
    token = member.tokens["accessToken"]

    def race(image: bytes) -> httpx.Response:
        with connect(storage.mesh.url) as http:
            headers = bearer(token) | {"content-type": "image/jpeg"}
            return http.put("/api/v1/me/avatar", content=image, headers=headers)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(race, images * 2))
    assert [answer.status_code for answer in answers] == [200] * 6, [answer.text for answer in answers]
    shown = avatar(member)
    winner = next(answer.json() for answer in answers if answer.json()["avatarUrl"] == shown)
    kept = {url.removeprefix("/media/") for url in winner.values()}
    assert kept < storage.pictures() - before
    # Ten minutes later.
    storage.mesh.query("update profiles.mesh_timers set due_at = now() where name = 'picture-due'")
    eventually(lambda: storage.pictures() - before == kept, "what nobody shows is gone")
    eventually(lambda: not storage.leftovers(), "what came in is gone")


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_without_storage_nothing_is_changed_and_clients_are_told_so(storage: Storage, member: Member):
    assert storage.server
    image = picture("pink")
    shown = send(member, image).json()["avatarUrl"]
    storage.server.stop()
    answer = send(member, picture("purple"))
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"]
    assert avatar(member) == shown
