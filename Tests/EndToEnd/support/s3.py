"""An S3 server of the tests' own: SeaweedFS, which is installed beside them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from support.mesh import free_port
from support.waiting import eventually

BUCKET = "media"


class S3Server:
    """A server with one empty bucket, in a folder of its own."""

    def __enter__(self) -> S3Server:
        self.folder = Path(tempfile.mkdtemp(prefix="s3-"))
        login = {"credentials": [{"accessKey": "key", "secretKey": "secret"}]}
        actions = {"name": "test", "actions": ["Admin", "Read", "Write", "List"]}
        (self.folder / "s3.json").write_text(json.dumps({"identities": [login | actions]}))
        self.ports = [free_port() for _ in range(8)]
        s3, filer = self.ports[0], self.ports[2]
        try:
            self.start()
            create = ["curl", "-sf", "--retry", "20", "--retry-all-errors", "--retry-delay", "1", "-X", "PUT"]
            signed = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "key:secret", f"http://127.0.0.1:{s3}/{BUCKET}"]
            subprocess.run(create + signed, check=True, capture_output=True, timeout=60)
        except BaseException:
            self.__exit__()
            raise
        self.url = f"s3://key:secret@127.0.0.1:{s3}/{BUCKET}"
        self.files = httpx.Client(base_url=f"http://127.0.0.1:{filer}/buckets/{BUCKET}", trust_env=False, timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Starts it on its ports, and waits until it answers."""
        names = ["s3.port", "s3.port.grpc", "filer.port", "filer.port.grpc", "master.port", "master.port.grpc"]
        flags = [f"-{name}={port}" for name, port in zip(names + ["volume.port", "volume.port.grpc"], self.ports)]
        flags += ["-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-s3.config=s3.json", "-s3.port.iceberg=0"]
        flags += ["-filer", "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=50"]
        with open(self.folder / "server.log", "a") as log:
            command = [str(Path(sys.executable).parent / "weed"), "server", *flags]
            self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def answers() -> bool:
            assert self.process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
            try:
                return httpx.get(f"http://127.0.0.1:{self.ports[0]}/status", trust_env=False, timeout=5).is_success
            except httpx.TransportError:
                return False

        eventually(answers, "the S3 server answers", within=60)

    def stop(self) -> None:
        """Kills it; what it holds is there when it is started again."""
        if hasattr(self, "process"):
            self.process.kill()
            self.process.wait()

    def objects(self) -> set[str]:
        """The names of all objects."""
        return set(self.walk(""))

    def walk(self, folder: str) -> list[str]:
        # Of the files themselves, past what is tried.
        answer = self.files.get(f"{folder}/", params={"limit": 10000}, headers={"accept": "application/json"})
        if answer.status_code == 404:
            return []
        names: list[str] = []
        for entry in answer.json()["Entries"] or []:
            name = f"{folder}/{entry['FullPath'].rpartition('/')[2]}"
            is_folder = entry["Mode"] >= 1 << 31
            names += self.walk(name) if is_folder else [name.lstrip("/")]
        return names
